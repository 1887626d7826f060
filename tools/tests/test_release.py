import datetime
import subprocess
from pathlib import Path

import pytest

import addresses
import changelog
import release
from distributions import DistributionError

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
    (folder / "CITATION.cff").write_text("title: a package\nversion: 0.1.0\nlicense: Apache-2.0\n")
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


def make(root: Path, name: str, out: Path) -> list[Path]:
    """Stand in for the build: a file that says which version the tree had."""
    wheel = out / f"{name}.whl"
    wheel.write_text(f"{root.name} {release.read_version(root, name)}")
    return [wheel]


def run(root: Path, *words: str) -> int:
    return release.main([*words], root=root, make=make)


@pytest.mark.parametrize(
    ("part", "expected"), [("major", "2.0.0"), ("minor", "1.10.0"), ("patch", "1.9.4"), ("current", "1.9.3")]
)
def test_bump_raises_one_part_and_clears_those_below(part: str, expected: str):
    assert release.bump("1.9.3", part) == expected


def test_changelog_keeps_everything_and_gains_one_heading():
    closed = changelog.close_changelog(CHANGELOG, "0.2.0", DATE)
    assert closed == CHANGELOG.replace("## [Unreleased]\n", "## [Unreleased]\n\n## [0.2.0] - 2026-01-02\n")


def test_changelog_whose_only_section_is_unreleased():
    text = "# Changelog\n\n## [Unreleased]\n\n- A thing.\n"
    expected = "# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-01-02\n\n- A thing.\n"
    assert changelog.close_changelog(text, "0.1.0", DATE) == expected


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
    with pytest.raises(changelog.ChangelogError, match=message):
        changelog.close_changelog(text, "0.2.0", DATE)


def test_release_commits_and_tags_only_the_package(repository: Path, capsys: pytest.CaptureFixture[str]):
    assert run(repository, "low", "minor") == 0
    assert "made low-v0.2.0" in capsys.readouterr().out
    assert run_git(repository, "status", "--porcelain") == ""
    assert run_git(repository, "tag", "--points-at", "HEAD") == "low-v0.2.0"
    assert run_git(repository, "log", "-1", "--format=%s") == "Release low 0.2.0"
    changed = run_git(repository, "show", "--name-only", "--format=", "HEAD").splitlines()
    files = ["CHANGELOG.md", "CITATION.cff", "src/low/__about__.py"]
    assert sorted(changed) == [f"packages/low/{file}" for file in files]
    cited = (repository / "packages/low/CITATION.cff").read_text().splitlines()
    assert cited[:2] == ["title: a package", "version: 0.2.0"]
    assert cited[2].startswith("date-released: 20")
    assert '__version__ = "0.2.0"' in (repository / "packages/low/src/low/__about__.py").read_text()


def test_first_release_keeps_the_version(repository: Path):
    assert run(repository, "low", "current") == 0
    assert run_git(repository, "tag", "--points-at", "HEAD") == "low-v0.1.0"


def test_dry_run_changes_nothing(repository: Path, capsys: pytest.CaptureFixture[str]):
    before = run_git(repository, "rev-parse", "HEAD")
    assert run(repository, "low", "patch", "--dry-run") == 0
    assert "would move low from 0.1.0 to 0.1.1" in capsys.readouterr().out
    assert run_git(repository, "status", "--porcelain") == ""
    assert run_git(repository, "tag", "--list") == ""
    assert run_git(repository, "rev-parse", "HEAD") == before


def test_distributions_and_notes_come_from_a_clean_clone(repository: Path, tmp_path_factory: pytest.TempPathFactory):
    out = tmp_path_factory.mktemp("out") / "dist"
    assert run(repository, "low", "minor", "--dry-run", "--out", str(out)) == 0
    assert (out / "low.whl").read_text() == "clone 0.2.0"
    notes = (out / "low-0.2.0-notes.md").read_text()
    assert notes == "# low 0.2.0\n\n```sh\npip install low==0.2.0\n```\n\n### Added\n\n- A thing.\n"
    assert "0.1.0" in (repository / "packages/low/src/low/__about__.py").read_text()


def test_distributions_with_faults_stop_the_release(repository: Path, capsys: pytest.CaptureFixture[str]):
    def faulty(root: Path, name: str, out: Path) -> list[Path]:
        raise DistributionError(f"{name}.whl: has no {name}/py.typed")

    assert release.main(["low", "minor"], root=repository, make=faulty) == 1
    assert "low 0.2.0 cannot be distributed:\nlow.whl: has no low/py.typed" in capsys.readouterr().err
    assert run_git(repository, "status", "--porcelain") == ""
    assert run_git(repository, "tag", "--list") == ""


def test_another_origin_than_the_metadata_name_is_refused(repository: Path, capsys: pytest.CaptureFixture[str]):
    project = repository / "packages/high/pyproject.toml"
    project.write_text(project.read_text() + '[project.urls]\nRepository = "https://example.org/owner/name"\n')
    run_git(repository, "commit", "--all", "--quiet", "--message", "Name the repository")
    run_git(repository, "remote", "add", "origin", "git@example.org:fork/name.git")
    assert run(repository, "low", "minor") == 1
    message = capsys.readouterr().err
    assert "names the repository https://example.org/owner/name, but origin is git@example.org/fork/name" in message
    assert addresses.main(["--repository", "https://example.org/fork/name"], root=repository) == 0
    run_git(repository, "commit", "--all", "--quiet", "--message", "Move")
    assert run(repository, "low", "minor") == 0


def test_bounds_that_do_not_hold_stop_the_release(repository: Path, capsys: pytest.CaptureFixture[str]):
    project = repository / "packages/high/pyproject.toml"
    project.write_text(project.read_text().replace(">=0.1,<0.3", ">=0.2,<0.3"))
    run_git(repository, "commit", "--all", "--quiet", "--message", "Need more")
    assert run(repository, "high", "minor") == 1
    assert "high/pyproject.toml: requires low<0.3,>=0.2, but low is 0.1.0" in capsys.readouterr().err


def test_notes_join_the_lines_of_an_item(capsys: pytest.CaptureFixture[str]):
    text = "## [0.2.0] - 2026-01-02\n\n- A thing,\n  and more.\n  - Deeper.\n- Another.\n\n## [0.1.0]\n\n- The start.\n"
    notes = changelog.release_notes(text, "low", "0.2.0")
    assert notes.endswith("```\n\n- A thing, and more.\n  - Deeper.\n- Another.\n")
    with pytest.raises(changelog.ChangelogError, match=r"the changelog of low has no section `## \[0\.3\.0\]`"):
        changelog.release_notes(text, "low", "0.3.0")


def test_notes_of_a_tag(repository: Path, capsys: pytest.CaptureFixture[str]):
    assert changelog.main(["high-v0.1.0"], root=repository) == 0
    assert capsys.readouterr().out.endswith("pip install high==0.1.0\n```\n\n- The start.\n")
    assert changelog.main(["high-v0.2.0"], root=repository) == 1
    assert "has no section `## [0.2.0]`" in capsys.readouterr().err


def test_dirty_tree_is_refused_by_name(repository: Path, capsys: pytest.CaptureFixture[str]):
    (repository / "stray.txt").write_text("left over\n")
    assert run(repository, "low", "minor") == 1
    message = capsys.readouterr().err
    assert "the working tree has changes" in message
    assert "stray.txt" in message
    assert run_git(repository, "tag", "--list") == ""


def test_existing_tag_is_refused(repository: Path, capsys: pytest.CaptureFixture[str]):
    run_git(repository, "tag", "low-v0.2.0")
    assert run(repository, "low", "minor") == 1
    assert "the tag low-v0.2.0 exists already" in capsys.readouterr().err
    assert run_git(repository, "status", "--porcelain") == ""


def test_version_that_a_sibling_shuts_out_is_refused(repository: Path, capsys: pytest.CaptureFixture[str]):
    assert run(repository, "low", "major") == 1
    message = capsys.readouterr().err
    assert "low 1.0.0 is shut out" in message
    assert "packages/high/pyproject.toml requires low<0.3,>=0.1" in message
    assert run_git(repository, "status", "--porcelain") == ""


def test_unknown_package_is_refused(repository: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="2"):
        run(repository, "middle", "minor")
    assert "invalid choice: 'middle'" in capsys.readouterr().err
