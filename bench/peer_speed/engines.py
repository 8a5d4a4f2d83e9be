"""Engines to compare: each runs one model file and says its speed of reading and of writing."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "autark"
SDIST = "llama-cpp-python==0.3.36"  # its source archive has llama.cpp's
# Weights are read, not mapped, so that they may be repacked for this CPU.
NO_MMAP, IK_NO_MMAP = ["-lm", "none"], ["-mmp", "0"]
PHASES = ("prefill_tokens_per_second", "decode_tokens_per_second")


@dataclass
class Work:
    """What every engine does: a prompt, then tokens one by one, behind `depth` tokens."""
    prefill: int
    decode: int
    threads: int
    repeat: int
    depth: int = 0


class EngineError(Exception):
    pass


def output_of(command, cwd=None):
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise EngineError(f"{pathlib.Path(command[0]).name} ended with {done.returncode}: {last}")
    return done.stdout


@dataclass
class Autark:
    program: pathlib.Path
    name: str = "autark"
    reads_folders: bool = True

    def run(self, model, work):
        out = output_of([self.program, "bench", model, "--prefill", work.prefill, "--decode", work.decode, "--depth",
                         work.depth, "--threads", work.threads, "--repeat", work.repeat, "--json"])
        return json.loads(out) | {"model": model.name}  # a result says what ran, not where


@dataclass
class LlamaBench:
    """llama-bench of llama.cpp or of ik_llama.cpp."""
    name: str
    program: pathlib.Path
    options: list
    may_not_repack: bool = False  # has --repack, which is set to 0 after a crash
    reads_folders: bool = False

    def run(self, model, work):
        try:
            return self._run(model, work, self.options)
        except EngineError as error:
            if not self.may_not_repack or "--repack" in self.options:
                raise
            print(f"  {self.name}: {error}; again with --repack 0", file=sys.stderr)
            self.options = [*self.options, "--repack", "0"]
            return self._run(model, work, self.options)

    def _run(self, model, work, options):
        behind = ["-d", work.depth] if work.depth else []
        rows = json.loads(output_of([self.program, "-m", model, "-p", work.prefill, "-n", work.decode, "-t",
                                     work.threads, "-r", work.repeat, "-o", "json", *behind, *options]))
        speed = {"prefill" if row["n_prompt"] else "decode": row["avg_ts"] for row in rows}
        build = f"{rows[0].get('build_number', '')} {rows[0].get('build_commit', '')}"
        return {PHASES[0]: speed["prefill"], PHASES[1]: speed["decode"], "options": " ".join(options),
                "build": build.strip()}


@dataclass
class NodeLlama:
    """llama.cpp prebuilt, from npm, of the version that llama_cpp/package.json pins."""
    folder: pathlib.Path
    name: str = "llama.cpp"
    reads_folders: bool = False

    def run(self, model, work):
        if work.depth:
            raise EngineError("the prebuilt llama.cpp has no --depth")
        out = output_of(["node", "measure.mjs", model.resolve(), work.prefill, work.decode, work.threads], self.folder)
        return json.loads(out[out.index("{"):])


def install_prebuilt():
    folder = CACHE / "bench/llama_cpp"
    wanted = (HERE / "llama_cpp/package.json").read_bytes()
    stamp = folder / "installed.json"
    if not (stamp.exists() and stamp.read_bytes() == wanted):
        print("installing llama.cpp (npm) ...", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "llama_cpp/package.json", folder)
        # No lock file: some registries lack the packages of other platforms, and `npm ci` then refuses.
        output_of(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
        stamp.write_bytes(wanted)
    shutil.copy(HERE / "llama_cpp/measure.mjs", folder)
    return NodeLlama(folder)


def build_llama_bench(jobs):
    """Builds llama-bench for this CPU, outside of the repository. Done once."""
    folder = CACHE / "bench" / SDIST.replace("==", "-")
    program = folder / "build/bin/llama-bench"
    if program.exists():
        return program
    print(f"building llama-bench of {SDIST} in {folder}: some ten minutes of a core ...", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    output_of([sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", SDIST, "-d", folder])
    archive = next(folder.glob("*.tar.gz"))
    with tarfile.open(archive) as tar:
        tar.extractall(folder)
    source = next(folder.glob("*/vendor/llama.cpp"))
    off = ["BUILD_SHARED_LIBS", "LLAMA_CURL", "LLAMA_BUILD_TESTS", "LLAMA_BUILD_EXAMPLES", "LLAMA_BUILD_UI",
           "LLAMA_USE_PREBUILT_UI"]
    output_of(["cmake", "-S", source, "-B", folder / "build", "-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON",
               *(f"-D{name}=OFF" for name in off)])
    output_of(["cmake", "--build", folder / "build", "--target", "llama-bench", "-j", jobs])
    return program


def main_line(program):
    return LlamaBench("llama.cpp", program, NO_MMAP, may_not_repack=True)


def llama_cpp(wish, jobs):
    """`wish`: a path of llama-bench, "source", "npm", or empty for what is there, the source first."""
    if wish == "npm":
        return install_prebuilt()
    if wish not in ("", "source"):
        return main_line(pathlib.Path(wish))
    try:
        return main_line(build_llama_bench(jobs))
    except (EngineError, OSError) as error:
        if wish == "source":
            raise
        print(f"llama-bench was not built ({error}); the prebuilt llama.cpp takes its place", file=sys.stderr)
        return install_prebuilt()


def ik_settings():
    """ik_llama.cpp as it comes and with repacking at run time, where IK_LLAMA_BENCH names a build."""
    program = os.environ.get("IK_LLAMA_BENCH")
    if not program:
        return []
    return [LlamaBench("ik", pathlib.Path(program), IK_NO_MMAP),
            LlamaBench("ik -rtr 1", pathlib.Path(program), [*IK_NO_MMAP, "-rtr", "1"])]
