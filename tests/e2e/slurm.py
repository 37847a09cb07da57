"""A SLURM cluster of two nodes and four pretended graphics cards on this machine, without root or /etc."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "sinfo", "scancel")

CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={d}/run/munge.sock
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
AccountingStorageType=accounting_storage/none
ReturnToService=2
StateSaveLocation={d}/state
SlurmdSpoolDir={d}/spool/%n
SlurmctldPidFile={d}/run/slurmctld.pid
SlurmdPidFile={d}/run/slurmd.%n.pid
SlurmctldLogFile={d}/log/slurmctld.log
SlurmdLogFile={d}/log/slurmd.%n.log
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
KillWait=2
MinJobAge=3600
SlurmdParameters=config_overrides
GresTypes=gpu
PropagateResourceLimits=NONE
NodeName=n1,n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={p1},{p2} CPUs=4 Boards=1 SocketsPerBoard=1 \
CoresPerSocket=4 ThreadsPerCore=1 RealMemory=12000 Gres=gpu:fake:2 State=UNKNOWN
PartitionName=cpu Nodes=n1,n2 Default=YES MaxTime=60 DefMemPerCPU=200 State=UP
PartitionName=gpu Nodes=n1,n2 Default=NO MaxTime=60 DefMemPerCPU=200 State=UP
"""
# Two different character devices stand for two cards: SLURM counts devices, it never opens them.
GRES = "Name=gpu Type=fake File=/dev/null\nName=gpu Type=fake File=/dev/zero\n"


class Cluster:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}

    @staticmethod
    def lacking() -> list[str]:
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        return [p for p in PROGRAMS if not shutil.which(p, path=path)]

    def start(self) -> None:
        d = self.folder
        for name in ("munge", "state", "spool/n1", "spool/n2", "log", "run", "bin"):
            (d / name).mkdir(parents=True, mode=0o700)
        os.chmod(d, 0o755)
        (d / "munge/munge.key").write_bytes(os.urandom(1024))
        os.chmod(d / "munge/munge.key", 0o600)
        ports = [_free_port() for _ in range(3)]
        values = {"host": socket.gethostname().split(".")[0], "user": getpass.getuser(), "d": d}
        (d / "slurm.conf").write_text(CONF.format(port=ports[0], p1=ports[1], p2=ports[2], **values))
        (d / "gres.conf").write_text(GRES)
        # The job step's executor drops SLURM_CONF from the environment; the wrapper gives it back.
        (d / "bin/srun").write_text(f'#!/bin/sh\nSLURM_CONF={d}/slurm.conf exec {shutil.which("srun")} "$@"\n')
        os.chmod(d / "bin/srun", 0o755)
        munge = {"--key-file": "munge/munge.key", "--socket": "run/munge.sock", "--pid-file": "run/munged.pid",
                 "--log-file": "log/munged.log", "--seed-file": "munge/seed"}  # fmt: skip
        self._call("munged", "--force", "--num-threads=2", *(f"{k}={d / v}" for k, v in munge.items()))
        self._call("slurmctld", "-c")
        for node in ("n1", "n2"):
            self._call("slurmd", "-c", "-N", node)
        deadline = time.monotonic() + 30
        while self._call("sinfo", "-h", "-N", "-o", "%T").split() != ["idle"] * 4:
            if time.monotonic() > deadline:
                raise RuntimeError("SLURM nodes do not come up:\n" + (d / "log/slurmctld.log").read_text()[-2000:])
            time.sleep(0.3)

    def stop(self) -> None:
        subprocess.run(["scancel", "-u", getpass.getuser()], env=os.environ | self.environment, check=False)
        for name in ("slurmd.n1", "slurmd.n2", "slurmctld", "munged"):
            pid = self.folder / "run" / f"{name}.pid"
            if pid.exists():
                _end(int(pid.read_text()))

    def _call(self, program: str, *arguments: str) -> str:
        path = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        environment = os.environ | self.environment
        return subprocess.run(
            [str(path), *arguments], env=environment, check=True, capture_output=True, text=True, timeout=60
        ).stdout


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _end(pid: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        for _ in range(50):
            time.sleep(0.1)
            if not Path(f"/proc/{pid}").exists():
                return
