"""A graph of ONNX, run by onnxruntime."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sablier.errors import ModelFileError
from sablier.tasks.detection.exported_detector import Tensor
from sablier.typing import Array

SILENT = 4  # of onnxruntime's log levels; its errors contain what it cannot load
TYPES = {"float": "float32", "double": "float64"}  # NumPy's names of the types that onnxruntime names otherwise
NO_MEMORY = re.compile(r"allocate memory|bad alloc", re.IGNORECASE)
TOO_NEW = re.compile(r"opset \d+ is under development|ir[ _]version", re.IGNORECASE)
ELSEWHERE = re.compile(r"external data|model_path must not be empty", re.IGNORECASE)


class OnnxGraph:
    """A graph that is ready to run.

    Args:
        data: the bytes of an .onnx file, which must contain its weights.
        name: of the file, for messages.
        threads: how many threads run it; None: as many as there are cores.
        error: the class of errors: sablier has one of this name, too.

    Raises:
        ModelFileError: if onnxruntime cannot load it.
    """

    def __init__(self, data: bytes, name: str, threads: int | None = None, error: type[Exception] = ModelFileError) -> None:
        import onnxruntime  # takes a while to import

        self.name, self.version, self.error = name, str(onnxruntime.__version__), error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads or 0, 1
        options.log_severity_level = SILENT
        self._only_needed = onnxruntime.RunOptions()
        self._only_needed.only_execute_path_to_fetches = True
        self._session = self._translated(lambda: onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"]))
        self.inputs = _tensors(self._session.get_inputs())
        self.outputs = _tensors(self._session.get_outputs())

    def run(self, names: Sequence[str], inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return some of the outputs; what they do not need is not computed.

        Raises:
            ModelFileError: if onnxruntime fails.
            MemoryError: if there is not enough memory.
        """
        found = self._translated(lambda: self._session.run(list(names), dict(inputs), self._only_needed))
        return dict(zip(names, found, strict=True))

    def _translated(self, call: Callable[[], Any]) -> Any:
        """Return the result of a call of onnxruntime, which has no base class of its errors but Exception."""
        try:
            return call()
        except Exception as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            if NO_MEMORY.search(str(error)):
                raise MemoryError(first) from error
            if TOO_NEW.search(str(error)):
                raise self.error(
                    f"expected an onnxruntime that knows the operators of {self.name}, got version {self.version} ({first}). "
                    "Upgrade it with: pip install --upgrade onnxruntime"
                ) from error
            if ELSEWHERE.search(str(error)):
                raise self.error(
                    f"expected one file with its weights, got {self.name}, whose weights are in another file ({first}). "
                    "Export the detector again."
                ) from error
            raise self.error(f"onnxruntime {self.version} cannot run {self.name}: {first}. Export it again.") from error


def _tensors(declared: Sequence[Any]) -> dict[str, Tensor]:
    """Return inputs or outputs; a length that is a name or missing is any length."""
    return {
        each.name: Tensor(_type(each.type), tuple(length if isinstance(length, int) else None for length in each.shape))
        for each in declared
    }


def _type(name: str) -> str:
    """Return NumPy's name for a type of onnxruntime.

    >>> _type("tensor(float)"), _type("tensor(uint8)")
    ('float32', 'uint8')
    """
    plain = name.removeprefix("tensor(").removesuffix(")")
    return TYPES.get(plain, plain)
