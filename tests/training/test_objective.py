from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional

from compress.data.augment import Recipe as Augmentation
from compress.data.bundle import Order
from compress.data.order import plan_batches
from compress.data.preprocessing import Preprocessing
from compress.data.splits import MemorySplit
from compress.training.loop import LoopHooks, LoopSettings, run_loop
from compress.training.objective import Objective, RememberingTeacher, Teacher, teacher_for
from compress.training.recipe import Recipe

FLIPPED = Augmentation(flip=True, shift=1 / 8)


def split(recipe: Augmentation, *, count: int = 23) -> MemorySplit:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 8, 8, 1), generator=generator, dtype=torch.uint8)
    return MemorySplit(images, torch.arange(count) % 3, Preprocessing(8, 1, (0.5,), (0.25,)), recipe)


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))


def test_views_are_none_where_training_shows_parts_of_images():
    recipes = {
        Augmentation(): 1, Augmentation(shift=0.1): 1, FLIPPED: 2,
        Augmentation(crop=True, flip=True): 0, Augmentation(cutout=0.5): 0, Augmentation(rotation=15.0): 0,
    }  # fmt: skip
    assert {recipe: split(recipe).views for recipe in recipes} == recipes


def test_a_teacher_remembers_the_mean_logits_of_an_image_and_its_mirror_image():
    teacher, train = network(), split(FLIPPED)
    images = torch.cat([batch for batch, _ in train.batches(5)])  # as they are, in file order
    logits = (teacher(images) + teacher(images.flip(-1))) / 2
    remembering = teacher_for(teacher, train, batch_size=4, classes=3)
    assert isinstance(remembering, RememberingTeacher)
    places = torch.tensor([22, 0, 7])
    answers = remembering.answers(torch.zeros(3, 1, 8, 8), places)
    torch.testing.assert_close(answers, functional.log_softmax(logits[places] / 2.0, dim=1))
    plain = teacher_for(teacher, split(Augmentation()), batch_size=4, classes=3)
    torch.testing.assert_close(
        plain.answers(images[:2], places[:2]).exp(), (teacher(images[places[:2]]) / 2).softmax(1)
    )


def test_without_places_or_a_view_that_stands_for_all_it_answers_what_it_is_shown():
    teacher, images = network(), torch.randn(4, 1, 8, 8)
    for made in (Teacher(teacher), teacher_for(teacher, split(Augmentation(crop=True)), batch_size=4, classes=3)):
        expected = functional.log_softmax(teacher(images) / 2.0, dim=1)
        torch.testing.assert_close(made.answers(images, torch.tensor([3, 2, 1, 0])), expected)
    remembering = teacher_for(teacher, split(FLIPPED), batch_size=4, classes=3)
    torch.testing.assert_close(remembering.answers(images), functional.log_softmax(teacher(images) / 2.0, dim=1))


def test_the_loss_is_half_the_labels_and_half_the_teachers_by_hand():
    recipe = Recipe("adamw", learning_rate=1.0, weight_decay=0.0, schedule="constant")
    logits, labels = torch.tensor([[1.0, 0.0, -1.0]]), torch.tensor([2])
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(1, 3))
    with torch.no_grad():
        teacher[1].weight.zero_()
        teacher[1].bias.copy_(torch.tensor([0.0, 2.0, 0.0]))
    right = -torch.log(torch.exp(torch.tensor(-1.0)) / (torch.e + 1 + 1 / torch.e))
    soft, own = torch.tensor([0.0, 1.0, 0.0]).softmax(0), torch.tensor([0.5, 0.0, -0.5]).softmax(0)
    expected = 0.5 * right + 0.5 * 4 * (soft * (soft / own).log()).sum()
    image = torch.zeros(1, 1, 1, 1)
    torch.testing.assert_close(Objective(recipe, Teacher(teacher)).loss(image, logits, labels), expected)
    alone = Objective(recipe, Teacher(teacher), teacher_share=0.0)
    assert torch.equal(alone.loss(image, logits, labels), functional.cross_entropy(logits, labels))


class Seen:
    """A loop body that only looks."""

    def __init__(self) -> None:
        self.places: list[torch.Tensor] = []
        self.labels: list[torch.Tensor] = []

    def step(self, _images, labels, places):
        self.places.append(places)
        self.labels.append(labels)
        return {"loss": 0.0, "accuracy": 0.0}

    def end_epoch(self, _epoch):
        return {}

    def finished(self) -> bool:
        return False

    def state_dict(self):
        return {}


def test_the_loop_tells_a_step_where_its_images_are_in_the_split():
    train, body = replace(split(FLIPPED), labels=torch.arange(23)), Seen()
    run_loop(body, train, LoopSettings(epochs=2, batch_size=6, seed=4), LoopHooks())
    assert torch.equal(torch.cat(body.places), torch.cat(body.labels))
    planned = plan_batches(Order(seed=4, epoch=1), size=23, batch_size=6)
    assert [place.tolist() for place in body.places[4:]] == [indices.tolist() for indices in planned]
