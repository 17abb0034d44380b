"""A progress bar for long commands; nothing where the output is no terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress_bar() -> Iterator[Callable[[float, str], None]]:
    """Gives a function to be told the share done (0 to 1) and what is being done."""
    with tqdm(total=100, disable=None, leave=False, bar_format="{desc:24} {bar} {percentage:3.0f} %") as bar:

        def tell(share: float, step: str) -> None:
            bar.set_description_str(step)
            bar.update(share * 100 - bar.n)

        yield tell
