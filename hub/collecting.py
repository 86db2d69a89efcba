"""The garbage collector of a process that is about to begin its work."""

import gc


def leave_alone_what_stays() -> None:
    """Keep the collector from walking again and again what lives as long as the process.

    What a charge or a row of a report makes is gone before it need be walked at all, so it comes seldom.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
