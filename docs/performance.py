#!/usr/bin/env python3
"""Measures Tarn against PyTorch and writes this machine's table in docs/performance.md, where each processor has one.

usage: docs/performance.py [--tarn build/tarn] [--peer FILE] [--rounds 3] [--seconds 1] [--threads 2] [NAME...]

FILE is a program that runs the workloads of `tarn bench` in PyTorch and prints {"name", "ms", "min_ms", "peak_rss_mb"} a
line, by default $TARN_SHARED/bench/torch_bench.py. Every workload runs in a process of its own, one side after the other,
`rounds` times, so that both meet the same moods of the machine; of each side the least time counts. Needs python3-torch.
With NAMEs (parts of workload names) only those are measured and printed, and the file stays as it is.
"""
import argparse, datetime, json, os, re, subprocess, sys, tempfile

root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--tarn", default=os.path.join(root, "build", "tarn"))
parser.add_argument("--peer", default=os.path.join(os.environ.get("TARN_SHARED", os.path.join(root, "..", "shared")),
                                                   "bench", "torch_bench.py"))
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--seconds", type=float, default=1.0)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("names", nargs="*")
options = parser.parse_args()

environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS")}
# The peer at its best. PyTorch with Debian's OpenBLAS falls back to a kernel of 2004 on recent processors; and glibc gives large
# blocks back to the system after each use, whose pages then have to be found again, which made some steps ten times slower.
peer_environment = dict(environment, MALLOC_MMAP_MAX_="0", MALLOC_TRIM_THRESHOLD_="100000000000",
                        MALLOC_TOP_PAD_="268435456")
if "avx512f" in open("/proc/cpuinfo").read():
    peer_environment["OPENBLAS_CORETYPE"] = "SkylakeX"


def lines(command, env):
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}: {done.stderr[-500:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


common = ["--seconds", str(options.seconds), "--threads", str(options.threads)]
peer = ["/usr/bin/python3", options.peer, *common]
tarn = [options.tarn, "bench", "--json", *common]


def workloads():
    listed = lines([options.tarn, "bench", "--json", "--seconds", "0"], environment)
    return [w["name"] for w in listed if not options.names or any(n in w["name"] for n in options.names)]


def measure(name):
    """Least times of both sides, the larger peak of memory of each, and Tarn's rates."""
    best = {}
    for _ in range(options.rounds):
        for side, command, env in (("peer", peer, peer_environment), ("tarn", tarn, environment)):
            row = next(r for r in lines(command + [name], env) if r["name"] == name)
            old = best.get(side)
            best[side] = row if old is None or row["min_ms"] < old["min_ms"] else old
            best[side]["peak_rss_mb"] = max(row["peak_rss_mb"], old["peak_rss_mb"] if old else 0)
    if name.startswith("train/"):  # PyTorch's memory without the setting that makes it keep more
        plain = {k: v for k, v in peer_environment.items() if not k.startswith("MALLOC")}
        best["peer"]["peak_rss_mb"] = next(r for r in lines(peer + [name], plain) if r["name"] == name)["peak_rss_mb"]
    return best


def where(name):
    """The ops that take most of a step, by its profile."""
    with tempfile.TemporaryDirectory() as folder:
        command = [options.tarn, "bench", name, *common, "--profile", os.path.join(folder, "trace.json")]
        text = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    table = re.search(r"^op +calls.*?\n(.*?)\n\n", text, re.S | re.M).group(1)
    shares = [(line.split()[0], float(line.split()[-1].rstrip("%"))) for line in table.splitlines()]
    return ", ".join(f"{op} {share:.0f} %" for op, share in shares[:3] if share >= 5)


def row(name, best):
    p, t = best["peer"], best["tarn"]
    training = name.startswith("train/")
    memory = f"{t['peak_rss_mb'] / p['peak_rss_mb']:.2f}" if training else ""
    digits = lambda ms: f"{ms:.3f}" if ms < 10 else f"{ms:.1f}"
    return (f"| `{name}` | {digits(p['min_ms'])} | {digits(t['min_ms'])} | **{p['min_ms'] / t['min_ms']:.2f}** | "
            f"{t['gflops']:.0f} | {t['gbytes']:.0f} | {100 * t['of_peak']:.0f} % | {memory} | {where(name) if training else ''} |")


facts = json.loads(subprocess.run([options.tarn, "info", "--peak", "--json", "--threads", str(options.threads)],
                                  env=environment, capture_output=True, text=True).stdout)
rows = []
for name in workloads():
    rows.append(row(name, measure(name)))
    print(rows[-1], flush=True)
if not options.names:
    machine = f"{facts['processor']}, {facts['vectors']}"
    today = datetime.date.today().isoformat()
    head = (f"**{machine}**, {today}: {options.threads} threads, {facts['blas']}; at best "
            f"{facts['gflops']:.0f} GFLOP/s in products and {facts['gbytes']:.0f} GB/s in copies. Best of {options.rounds} "
            f"rounds of {options.seconds:g} s, both sides in turn.\n\n"
            "| workload | PyTorch 1.13.1, ms | Tarn, ms | ratio | GFLOP/s | GB/s | of peak | memory | where the step goes |\n"
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n")
    path = os.path.join(root, "docs", "performance.md")
    text = open(path).read()
    begin, end = f"<!-- measured: {machine} -->\n", "<!-- end -->\n"
    section = begin + head + "\n".join(rows) + "\n" + end
    if begin in text:
        text = re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: section, text, flags=re.S)
    else:
        text = text.replace("<!-- measured: ", section + "\n<!-- measured: ", 1)
    open(path, "w").write(text)
