import datetime
import subprocess
from pathlib import Path

import pytest

import release

DATE = datetime.date(2026, 1, 2)
CHANGELOG = """# Changelog

## [Unreleased]

### Added

- A thing.

## [0.1.0] - 2025-01-01

- The start.
"""


def run_git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def add_package(root: Path, name: str, dependencies: str = "") -> None:
    folder = root / "packages" / name
    (folder / "src" / name).mkdir(parents=True)
    (folder / "src" / name / "__about__.py").write_text('"""Version."""\n\n__version__ = "0.1.0"\n')
    (folder / "CHANGELOG.md").write_text(CHANGELOG)
    (folder / "pyproject.toml").write_text(f'[project]\nname = "{name}"\ndependencies = [{dependencies}]\n')


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clean git repository with a package and one that depends on it."""
    add_package(tmp_path, "low")
    add_package(tmp_path, "high", '"low>=0.1,<0.3"')
    run_git(tmp_path, "init", "--quiet")
    for key, value in (("user.name", "Tester"), ("user.email", "tester@example.org")):
        run_git(tmp_path, "config", key, value)
    for key in ("commit.gpgsign", "tag.gpgsign"):
        run_git(tmp_path, "config", key, "false")
    run_git(tmp_path, "add", "--all")
    run_git(tmp_path, "commit", "--quiet", "--message", "Start")
    return tmp_path


@pytest.mark.parametrize(
    ("part", "expected"), [("major", "2.0.0"), ("minor", "1.10.0"), ("patch", "1.9.4"), ("current", "1.9.3")]
)
def test_bump_raises_one_part_and_clears_those_below(part: str, expected: str):
    assert release.bump("1.9.3", part) == expected


def test_changelog_keeps_everything_and_gains_one_heading():
    closed = release.close_changelog(CHANGELOG, "0.2.0", DATE)
    assert closed == CHANGELOG.replace("## [Unreleased]\n", "## [Unreleased]\n\n## [0.2.0] - 2026-01-02\n")


def test_changelog_whose_only_section_is_unreleased():
    text = "# Changelog\n\n## [Unreleased]\n\n- A thing.\n"
    expected = "# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-01-02\n\n- A thing.\n"
    assert release.close_changelog(text, "0.1.0", DATE) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# Changelog\n", "no section"),
        (
            "# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2025-01-01\n\n- The start.\n",
            "nothing stands under",
        ),
    ],
)
def test_changelog_without_news_is_refused(text: str, message: str):
    with pytest.raises(release.ReleaseError, match=message):
        release.close_changelog(text, "0.2.0", DATE)


def test_release_commits_and_tags_only_the_package(repository: Path, capsys: pytest.CaptureFixture[str]):
    assert release.main(["low", "minor"], root=repository) == 0
    assert "made low-v0.2.0" in capsys.readouterr().out
    assert run_git(repository, "status", "--porcelain") == ""
    assert run_git(repository, "tag", "--points-at", "HEAD") == "low-v0.2.0"
    assert run_git(repository, "log", "-1", "--format=%s") == "Release low 0.2.0"
    changed = run_git(repository, "show", "--name-only", "--format=", "HEAD").splitlines()
    assert sorted(changed) == ["packages/low/CHANGELOG.md", "packages/low/src/low/__about__.py"]
    assert '__version__ = "0.2.0"' in (repository / "packages/low/src/low/__about__.py").read_text()


def test_first_release_keeps_the_version(repository: Path):
    assert release.main(["low", "current"], root=repository) == 0
    assert run_git(repository, "tag", "--points-at", "HEAD") == "low-v0.1.0"


def test_dry_run_changes_nothing(repository: Path, capsys: pytest.CaptureFixture[str]):
    before = run_git(repository, "rev-parse", "HEAD")
    assert release.main(["low", "patch", "--dry-run"], root=repository) == 0
    assert "would move low from 0.1.0 to 0.1.1" in capsys.readouterr().out
    assert run_git(repository, "status", "--porcelain") == ""
    assert run_git(repository, "tag", "--list") == ""
    assert run_git(repository, "rev-parse", "HEAD") == before


def test_dirty_tree_is_refused_by_name(repository: Path, capsys: pytest.CaptureFixture[str]):
    (repository / "stray.txt").write_text("left over\n")
    assert release.main(["low", "minor"], root=repository) == 1
    message = capsys.readouterr().err
    assert "the working tree has changes" in message
    assert "stray.txt" in message
    assert run_git(repository, "tag", "--list") == ""


def test_existing_tag_is_refused(repository: Path, capsys: pytest.CaptureFixture[str]):
    run_git(repository, "tag", "low-v0.2.0")
    assert release.main(["low", "minor"], root=repository) == 1
    assert "the tag low-v0.2.0 exists already" in capsys.readouterr().err
    assert run_git(repository, "status", "--porcelain") == ""


def test_version_that_a_sibling_shuts_out_is_refused(repository: Path, capsys: pytest.CaptureFixture[str]):
    assert release.main(["low", "major"], root=repository) == 1
    message = capsys.readouterr().err
    assert "low 1.0.0 is shut out" in message
    assert "packages/high/pyproject.toml requires low<0.3,>=0.1" in message
    assert run_git(repository, "status", "--porcelain") == ""


def test_unknown_package_is_refused(repository: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="2"):
        release.main(["middle", "minor"], root=repository)
    assert "invalid choice: 'middle'" in capsys.readouterr().err
