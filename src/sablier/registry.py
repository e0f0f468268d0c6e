"""Registries, to which the modules of a package add entries: a new entry is a new file."""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import TypeVar

from sablier.errors import ConfigError, UnknownName

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """Entries by name, each added by the module that defines it. The modules are imported when the registry is first read.

    Args:
        kind: what an entry is, for messages.
        package: the dotted name of the package whose modules add entries.
        first: names that come first, in this order; the others follow alphabetically.

    >>> numbers: Registry[int] = Registry("number", "sablier.files", first=("two",))
    >>> numbers.add("one", 1), numbers.add("two", 2), list(numbers)
    (1, 2, ['two', 'one'])
    """

    def __init__(self, kind: str, package: str, first: tuple[str, ...] = ()) -> None:
        self.kind, self.package, self.first = kind, package, first
        self._entries: dict[str, T] = {}
        self._filled = False

    def add(self, name: str, entry: T) -> T:
        """Add an entry and return it.

        Raises:
            ConfigError: if the name is taken.
        """
        if name in self._entries:
            raise ConfigError(f"a {self.kind} named {name!r} is registered already; choose another name.")
        self._entries[name] = entry
        return entry

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that adds a class or a function under this name."""
        return lambda entry: self.add(name, entry)

    def named(self, name: str) -> T:
        """Return an entry.

        Raises:
            UnknownName: if no module has added the name; the message suggests the nearest.
        """
        if name not in self:
            raise UnknownName(self.kind, name, self)
        return self[name]

    def modules(self) -> set[str]:
        """Return the names of the package's modules, without importing them."""
        return {module.name for module in iter_modules(import_module(self.package).__path__)}

    def added(self) -> set[str]:
        """Return the names that were added so far, without importing modules."""
        return set(self._entries)

    def __getitem__(self, name: str) -> T:
        return self._whole()[name]

    def __iter__(self) -> Iterator[str]:
        place = {name: number for number, name in enumerate(self.first)}
        return iter(sorted(self._whole(), key=lambda name: (place.get(name, len(place)), name)))

    def __len__(self) -> int:
        return len(self._whole())

    def _whole(self) -> dict[str, T]:
        if not self._filled:
            self._filled = True  # first: a module that is imported here may itself read the registry
            for module in sorted(self.modules()):
                import_module(f"{self.package}.{module}")
        return self._entries
