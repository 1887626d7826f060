import subprocess
from pathlib import Path

import pytest

import check_repo

ABOUT = "packages/low/src/low/__about__.py"
REPOSITORY, DOCUMENTATION = "https://example.org/owner/name", "https://docs.example.org/name/"
PYPROJECT = '[tool.pyright]\ninclude = ["packages", "tools"]\nextraPaths = ["tools"]\n'


def write(root: Path, name: str, text: str = "") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that keeps every rule, with a package and one that depends on it."""
    write(tmp_path, "pyproject.toml", PYPROJECT)
    write(tmp_path, "README.md")
    write(tmp_path, "LICENSE", "a licence\n")
    write(tmp_path, "tools/tool.py")
    write(tmp_path, ".gitignore", "dist/\n")
    for name, needs in {"low": "", "high": '"low>=0.1,<0.2"'}.items():
        folder = tmp_path / "packages" / name
        urls = (
            f'Documentation = "{DOCUMENTATION}"\nRepository = "{REPOSITORY}"\nIssues = "{REPOSITORY}/issues"\n'
            f'Changelog = "{REPOSITORY}/blob/main/packages/{name}/CHANGELOG.md"\n'
        )
        project = f'[project]\nname = "{name}"\ndependencies = [{needs}]\n'
        write(folder, "pyproject.toml", f"{project}[project.urls]\n{urls}")
        write(folder, "README.md")
        write(folder, "LICENSE", "a licence\n")
        write(folder, "CITATION.cff", f"version: 0.1.0\nrepository-code: {REPOSITORY}\nurl: {DOCUMENTATION}\n")
        write(folder, "CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2025-01-01\n")
        write(folder, f"src/{name}/py.typed")
        write(folder, f"src/{name}/__about__.py", '__version__ = "0.1.0"\n')
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def problems(root: Path) -> list[str]:
    return [problem for check in check_repo.CHECKS for problem in check(root)]


def test_this_repository_knows_its_packages():
    assert check_repo.package_names(check_repo.ROOT) == ["molsphere", "spinharm", "spinnn", "wxsphere"]


def test_good_repository_passes(repository: Path, capsys: pytest.CaptureFixture[str]):
    assert check_repo.main([], root=repository) == 0
    assert capsys.readouterr().err == ""


def test_ignored_files_may_stand_at_the_top(repository: Path):
    write(repository, "dist/low.whl")
    assert problems(repository) == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("notes.txt", "", "notes.txt: not allowed at the top level"),
        ("packages/low/tests/__init__.py", "", "packages/low/tests/__init__.py: remove it"),
        ("packages/low/tests/deep/__init__.py", "", "packages/low/tests/deep/__init__.py: remove it"),
        ("packages/low/LICENSE", "another licence\n", "packages/low/LICENSE: differs from LICENSE"),
        (ABOUT, '__version__ = "0.2.0"\n', "requires low<0.2,>=0.1, but low is 0.2.0"),
        (ABOUT, '__version__ = "0.1.1"\n', "newest release is 0.1.0, but __about__ is 0.1.1"),
        ("packages/low/CHANGELOG.md", "# Changelog\n", "packages/low/CHANGELOG.md: has no section"),
        ("packages/low/CITATION.cff", "version: 0.2.0\n", "packages/low/CITATION.cff: has no line `version: 0.1.0`"),
        (
            "packages/low/CITATION.cff",
            "version: 0.1.0\n",
            "has no line `repository-code: https://example.org/owner/name`",
        ),
        (
            "packages/low/pyproject.toml",
            '[project]\nname = "low"\n[project.urls]\nRepository = "https://example.org/other"\n',
            "low/pyproject.toml: project.urls.Repository must be https://example.org/owner/name, got https://example.org/other",
        ),
        ("pyproject.toml", PYPROJECT.replace('"tools"]', '"test"]'), "pyright is told to check test, which"),
    ],
)
def test_each_broken_rule_is_reported(
    repository: Path, name: str, text: str, message: str, capsys: pytest.CaptureFixture[str]
):
    write(repository, name, text)
    assert check_repo.main([], root=repository) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "LICENSE", "src/low/py.typed"])
def test_missing_file_is_reported(repository: Path, name: str):
    (repository / "packages/low" / name).unlink()
    assert problems(repository) == [f"packages/low/{name}: missing"]


def test_bounds_in_an_extra_count(repository: Path):
    text = '[project]\nname = "high"\n[project.optional-dependencies]\nall = ["low>=0.2"]\n'
    write(repository, "packages/high/pyproject.toml", text)
    assert problems(repository) == ["packages/high/pyproject.toml: requires low>=0.2, but low is 0.1.0"]


def test_a_dependency_has_one_lower_bound(repository: Path):
    write(repository, "pyproject.toml", PYPROJECT + '[dependency-groups]\ntest = ["numpy>=2.1", "low"]\n')
    write(repository, "packages/high/pyproject.toml", '[project]\nname = "high"\ndependencies = ["numpy>=2"]\n')
    assert problems(repository) == [
        "numpy: has 2 lower bounds, 2 in packages/high/pyproject.toml, 2.1 in pyproject.toml"
    ]


def test_unreadable_version_is_an_error(repository: Path):
    write(repository, ABOUT, '__version__ = "next"\n')
    with pytest.raises(ValueError, match=r'must hold a line `__version__ = "MAJOR\.MINOR\.PATCH"`'):
        check_repo.read_version(repository, "low")


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("low-v0.1.0", None),
        ("low-v0.2.0", "tag 'low-v0.2.0': version of low is 0.1.0"),
        ("middle-v0.1.0", "tag 'middle-v0.1.0': must be <package>-v<version>"),
        ("v0.1.0", "tag 'v0.1.0': must be <package>-v<version>"),
    ],
)
def test_tag(repository: Path, tag: str, message: str | None, capsys: pytest.CaptureFixture[str]):
    assert check_repo.main(["--tag", tag], root=repository) == (0 if message is None else 1)
    assert (message or "") in capsys.readouterr().err
