"""Made training rows (noise, mixup, GAN), the rule that decides whether they help, and synthetic cohorts to hand on."""
