"""The data a site starts from, and what is said about a file that cannot be used."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from config.catalogue import DEFAULTS, CatalogueError, load_catalogue, localized

SIX = {
    "migrationsverket",
    "skatteverket",
    "forsakringskassan",
    "pensionsmyndigheten",
    "arbetsformedlingen",
    "kommun",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEFAULTS, tmp_path / "catalogue"))


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_the_six_parties_have_names_in_swedish_english_and_arabic() -> None:
    agencies = load_catalogue().agencies
    assert set(agencies) == SIX
    for agency in agencies.values():
        assert {"sv", "en", "ar"} <= set(agency.name)
        assert agency.purposes


def test_newcomers_can_read_every_agency_and_purpose_in_their_language() -> None:
    for agency in load_catalogue().agencies.values():
        for texts in (agency.name, *(purpose.text for purpose in agency.purposes)):
            assert set(texts) == {"sv", "en", "ar", "fa", "so", "ti"}
            assert len(set(texts.values())) == len(texts)


def test_all_six_take_part_in_route_one_and_the_migration_agency_only_there() -> None:
    routes = load_catalogue().routes
    parties = {name: {station.agency for station in route.stations} for name, route in routes.items()}
    assert parties["1"] == SIX
    assert parties["2"] == parties["3"] == SIX - {"migrationsverket"}
    assert {name: route.calls for name, route in routes.items()} == {
        "1": "migrationsverket",
        "2": "arbetsformedlingen",
        "3": "kommun",
    }


def test_a_branch_names_the_site_it_belongs_to() -> None:
    sites = load_catalogue().sites
    assert sites["motala"].parent == "norrkoping"
    assert sites["norrkoping"].parent is None


def test_right_to_left_languages_are_marked() -> None:
    languages = load_catalogue().languages
    assert {code for code, language in languages.items() if language.direction == "rtl"} == {
        "ar",
        "fa",
        "ckb",
        "ps",
    }


def test_a_text_that_is_not_translated_is_shown_in_swedish() -> None:
    name = load_catalogue().agencies["skatteverket"].name
    assert localized(name, "en") == "Swedish Tax Agency"
    assert localized(name, "uk") == "Skatteverket"


def test_the_catalogue_is_plain_json_for_the_pages() -> None:
    catalogue = json.loads(json.dumps(load_catalogue().as_json()))
    assert [route["id"] for route in catalogue["routes"]] == ["1", "2", "3"]
    assert catalogue["routes"][0]["stations"][0] == {
        "agency": "migrationsverket",
        "purpose": "decision",
        "minutes": 30,
    }


def test_entries_do_not_change() -> None:
    site = load_catalogue().sites["gavle"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        site.town = "Umeå"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("agencies", 'sv = "Skatteverket"\n', "", "skatteverket.name: has no text in sv"),
        ("agencies", 'id = "skatteverket"', 'id = "kommun"', "kommun stands there twice"),
        ("agencies", 'id = "identity-card"', 'id = "registration"', "registration stands there twice"),
        ("agencies", 'reviewed_by = ""', 'colour = "red"', "migrationsverket.colour: unknown key"),
        ("agencies", "[[agencies]]", "extra = 1\n[[agencies]]", "must hold [[agencies]] and nothing else"),
        ("routes", 'purpose = "decision"', 'purpose = "lunch"', "1: migrationsverket has no purpose lunch"),
        ("routes", 'calls = "kommun"', 'calls = "polisen"', "3: there is no agency polisen"),
        ("routes", "minutes = 30", "minutes = 0", "1.stations.0.minutes: Input should be greater"),
        ("sites", 'parent = "gavle"', 'parent = "falun"', "sandviken: there is no site falun"),
        ("sites", 'parent = "gavle"', 'parent = "motala"', "a branch cannot be the parent of a branch"),
        ("sites", "Europe/Stockholm", "Europe/Nowhere", "there is no time zone Europe/Nowhere"),
        ("sites", "Europe/Stockholm", "../etc/passwd", "there is no time zone"),
        ("sites", 'town = "Norrköping"\n', "", "norrkoping.town: "),
        ("languages", '"rtl"', '"up"', "ar.direction: Input should be 'ltr' or 'rtl'"),
        ("languages", "[[languages]]", "[[languages]", "cannot be read"),
    ],
)
def test_a_mistake_names_the_file_and_the_entry(
    folder: Path, file: str, old: str, new: str, message: str
) -> None:
    replace(folder / f"{file}.toml", old, new)
    with pytest.raises(CatalogueError) as raised:
        load_catalogue(folder)
    assert message in str(raised.value)
    assert f"{file}.toml" in str(raised.value)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "sites.toml").unlink()
    with pytest.raises(CatalogueError, match=r"no file .*sites\.toml"):
        load_catalogue(folder)
