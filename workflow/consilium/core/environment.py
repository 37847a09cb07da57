"""Environment variables that every stage runs with: rules set them, and so do benchmarks that call stages by hand."""

ENVIRONMENT = {
    # One thread a process, since bytes must not depend on the number of cores: parallel work is processes.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "MPLBACKEND": "Agg",
    # glibc (mallopt(3)): arrays up to 256 MB come from memory that the process already has. Else each array of an image
    # is asked of the kernel and given back, page by page; larger ones (series of volumes) still are.
    "MALLOC_MMAP_THRESHOLD_": str(256 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_ARENA_MAX": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # Arrow has an allocator of its own, which gives back as eagerly
}
