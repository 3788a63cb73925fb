from compress.weights_files.classes import rows_of
from models_zoo.published_weights import find_published_weights

PUBLISHED = ("tench, Tinca tinca", "great white shark", "crane", "hen", "crane")


def test_classes_are_found_by_name_in_their_own_order():
    assert rows_of(("Hen", "great_white-shark", "Tinca tinca"), PUBLISHED) == (3, 1, 0)


def test_all_classes_have_to_be_there_once_and_without_doubt():
    assert rows_of(("hen", "owl"), PUBLISHED) == ()
    assert rows_of(("hen", "crane"), PUBLISHED) == ()  # the bird or the machine
    assert rows_of(("hen", "HEN"), PUBLISHED) == ()
    assert rows_of((), ()) == ()


def test_wordnet_ids_are_the_classes_of_imagenet():
    classes = find_published_weights("resnet18", "imagenet").classes
    assert rows_of(("n01514668", "n01440764"), classes) == (7, 0)  # cock and tench
    assert [classes[7], classes[0]] == ["cock", "tench"]
