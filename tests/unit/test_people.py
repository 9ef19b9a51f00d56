"""The person as others see them."""

from domain.kernel.people import Person, person_item, person_key, read_person

ADA = "01890a5d-ac96-774b-bcce-b302099a8057"


def test_a_person_comes_back_from_their_item() -> None:
    person = Person(ADA, "Ada", None, "active")
    item = person_item(person, version=3)
    assert read_person(item) == person
    assert (item["pk"], item["id"]) == person_key(ADA)
