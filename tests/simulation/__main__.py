import sys
from tests.simulation.run import run_seed
for seed in range(int(sys.argv[1]), int(sys.argv[2])):
    o = run_seed(seed, tells=len(sys.argv) > 3)
    print(seed, f"{o.cpu_s:.2f}s cpu {o.virtual_s:.1f}s", len(o.faults), len(o.violations))
    for v in o.violations[:3]: print("   ", v[:600])
    if len(sys.argv) > 3: print("\n".join(o.lines[-int(sys.argv[3]):])); print("\n".join(map(str,o.faults)))
