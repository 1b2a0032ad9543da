"""How late and how evenly the page of `leadone live` draws, in a real Chromium on this machine.

`python benchmarks/live.py --data DATA` sends MIT-BIH 101 (a recording of half an hour, resampled
to 500 Hz) over TCP as a device would, a frame of ten samples every 20 ms, to `leadone live`, and
reads off the page for ten minutes. A trace's delay is from the moment when a sample was made to the
end of the drawing that shows it, and one picture more (1/60 s) until it can be seen; a picture is
dropped where a sixtieth of a second passed without one. Needs Chromium and Node, as benchmarks/web.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from browser import node_and_chromium
from scipy.signal import resample_poly

from leadone import read_record
from leadone.edge.sources.frames import hello_frame, samples_frame

HERE = Path(__file__).parent
RATE_HZ = 500
SAMPLES_A_FRAME = 10
STEP_NV = 1000
PICTURES_HZ = 60.0
WARM_UP_S = 30
LATE_MS = 300


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--record", default="mitdb/101")
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    node, chromium = node_and_chromium()
    record = read_record(options.data / options.record)
    seconds = 60 * options.minutes
    up, down = RATE_HZ, round(record.rate_hz)
    codes = np.round(resample_poly(record.signal_mv, up, down) * 1e6 / STEP_NV).astype("<i2")
    codes = codes[: round((seconds + WARM_UP_S) * RATE_HZ)]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        device = Device(listening, codes, record.lead)
        device.start()
        port = listening.getsockname()[1]
        command = [sys.executable, "-m", "leadone.cli", "live", f"tcp://127.0.0.1:{port}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as live:
            assert live.stdout is not None
            url = live.stdout.readline().strip()
            browser = [node, str(HERE / "live.mjs"), chromium, url, str(seconds)]
            done = subprocess.run(browser, capture_output=True, text=True, check=False)
            live.send_signal(signal.SIGINT)
    if done.returncode:
        sys.exit(done.stderr)
    told = json.loads(done.stdout)
    assert not told["complaints"], told["complaints"]
    _print(np.array(told["pictures"]), device.began_at_s, f"{options.record}, {RATE_HZ} Hz")


class Device(threading.Thread):
    """Sends each frame when its last sample is made."""

    def __init__(self, listening: socket.socket, codes: npt.NDArray[np.int16], lead: str) -> None:
        """Begins with the first connection."""
        super().__init__(daemon=True)
        self._listening, self._codes, self._lead = listening, codes, lead
        self.began_at_s = 0.0

    def run(self) -> None:
        """Until all is sent, or nobody listens."""
        connection, _ = self._listening.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(hello_frame(RATE_HZ, STEP_NV, self._lead))
        began, self.began_at_s = time.monotonic(), time.time()
        for number, at in enumerate(range(0, len(self._codes), SAMPLES_A_FRAME), 1):
            due_s = began + (at + SAMPLES_A_FRAME) / RATE_HZ
            time.sleep(max(due_s - time.monotonic(), 0))
            frame = self._codes[at : at + SAMPLES_A_FRAME]
            try:
                connection.sendall(samples_frame(frame, round(at * 1e6 / RATE_HZ), number))
            except OSError:
                return


def _print(pictures: npt.NDArray[np.float64], began_at_s: float, what: str) -> None:
    at_s, pen_s = pictures[:, 0] / 1000, pictures[:, 1]
    delay_ms = 1000 * (at_s - began_at_s - pen_s + 1 / PICTURES_HZ)
    passed_s = at_s[-1] - at_s[0]
    slots = np.round(np.diff(at_s) * PICTURES_HZ)
    dropped = np.maximum(slots - 1, 0).sum()
    load = os.getloadavg()[0]
    print(f"{what}, {passed_s / 60:.1f} min, {len(at_s)} pictures, load average {load:.1f}")
    middle, high, highest = np.percentile(delay_ms, [50, 99, 100])
    late = (delay_ms > LATE_MS).mean()
    print(f"trace delay: median {middle:.0f} ms, 99 % {high:.0f}, greatest {highest:.0f}")
    print(f"later than {LATE_MS} ms: {late:.2%} of the pictures")
    print(f"dropped pictures: {dropped / slots.sum():.2%} of {slots.sum():.0f}")
    print(
        f"pictures a second: {len(at_s) / passed_s:.1f}; longest without one {slots.max():.0f}/60 s"
    )


if __name__ == "__main__":
    main()
