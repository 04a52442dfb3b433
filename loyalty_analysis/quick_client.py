"""A client that knows when a kernel is ready: it has answered, and its answer's end was heard.

The stock client waits for 0.2 s of silence after the answer, so that no message of before is taken
for one of the first cell. Messages name the request they belong to, and the last that belongs to a
request says that the kernel is idle again: once that was heard, silence adds nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel

AGAIN, HEARD = 1.0, 0.2
"""Seconds after which a kernel is asked again: that has not answered, or was not heard to end."""
Message = dict[str, Any]


class QuickClient(AsyncKernelClient):
    """Waits for a kernel no longer than it takes."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel has answered and what it publishes is heard.

        Parameters
        ----------
        timeout : float, optional
            Seconds.

        Raises
        ------
        RuntimeError
            When the kernel has died, or time is over.
        """
        until = float("inf") if timeout is None else time.monotonic() + timeout
        while not await self._answered():
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > until:
                raise RuntimeError(f"Kernel didn't respond in {timeout:g} seconds")

    async def _answered(self) -> bool:
        """Ask, and say whether both the answer and its end arrived in a reasonable time."""
        request = self.kernel_info()

        def answer(message: Message) -> bool:
            return message["parent_header"].get("msg_id") == request

        def end(message: Message) -> bool:
            return answer(message) and message["content"].get("execution_state") == "idle"

        reply = await _arrived(self.shell_channel, AGAIN, answer)
        if reply is None or not await _arrived(self.iopub_channel, HEARD, end):
            return False
        self._handle_kernel_info_reply(reply)
        return True


async def _arrived(
    channel: AsyncZMQSocketChannel, seconds: float, wanted: Callable[[Message], bool]
) -> Message | None:
    """Wait for a message of a kind; others are dropped: no cell asked for them."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            message = await channel.get_msg(timeout=left)
        except Empty:
            break
        if wanted(message):
            return message
    return None
