"""What setup.cfg cannot say: the shipped models lie beside the package, and a wheel holds them inside it."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithModels(build_py):
    """Copies `models/` to `spikedtp/models/`, where `spikedtp.models` looks first."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:  # an editable installation reads them where they are
            for target, source in self._models().items():
                self.copy_file(source, target)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return [*super().get_outputs(include_bytecode), *self._models()]

    def get_output_mapping(self) -> dict[str, str]:
        return super().get_output_mapping() | self._models()

    def _models(self) -> dict[str, str]:
        inside = Path(self.build_lib, "spikedtp", "models")
        return {str(inside / source.name): str(source) for source in sorted(Path("models").glob("*.*"))}


setup(cmdclass={"build_py": BuildWithModels})
