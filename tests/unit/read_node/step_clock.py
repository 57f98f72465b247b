"""A clock whose sleepers wake when the test says so."""

import asyncio


class StepClock:
    def __init__(self) -> None:
        self.now = 1_000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now_us(self) -> int:
        return int(self.now * 1e6)

    def monotonic_s(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Moves on in steps of a tenth of a second and lets everybody work after each."""
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            due = [future for at, future in self._sleepers if at <= self.now + 1e-9]
            self._sleepers = [each for each in self._sleepers if each[0] > self.now + 1e-9]
            for future in due:
                if not future.done():
                    future.set_result(None)
            await idle()


async def idle() -> None:
    """Lets every task run until it waits for something."""
    for _ in range(50):
        await asyncio.sleep(0)
