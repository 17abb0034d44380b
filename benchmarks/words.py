"""What reviews say, English and Chinese: five folds, beside scikit-learn's plain TF-IDF and linear machine.

    python -m benchmarks.words [FOLDER]

The same words are never on both sides of a fold. Every text is judged by a model that did not see it; both answer for
the same texts, so their difference has a paired interval. The harder question: a category left out of the learning.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from benchmarks.report import save, spread, timed, told
from config.processes import BASE_DIR
from customers.imports.source import Column, rows
from recommender.algorithms.interactions import FloatArray, IntArray
from recommender.algorithms.metrics import bootstrap
from recommender.algorithms.sentiment import TextClassifier, auc, folds, wilson

FOLDER = BASE_DIR.parent / "shared/data/reviews"
CHINESE = (Column("cat"), Column("label"), Column("review"))
ENGLISH = (Column("Title"), Column("Review Text"), Column("Recommended IND"))
FOLDS = 5


class Question(NamedTuple):
    """Texts, their labels, which of the other texts each is judged by, and the n-grams of the plain one beside us."""

    name: str
    texts: Sequence[str]
    labels: IntArray
    parts: IntArray
    plain: dict[str, Any]


class Answers(NamedTuple):
    right: FloatArray
    told: FloatArray
    seconds: list[float]


def chinese(path: Path) -> tuple[list[str], IntArray, list[str]]:
    found = [(row["review"], int(row["label"]), row["cat"]) for row in rows(path, CHINESE)]
    texts, labels, categories = zip(*found, strict=True)
    return list(texts), np.array(labels), list(categories)


def english(path: Path) -> tuple[list[str], IntArray]:
    """Title and text; reviews without a text are left out."""
    found = [
        (f"{row['Title']} {row['Review Text']}", int(row["Recommended IND"]))
        for row in rows(path, ENGLISH)
        if row["Review Text"].strip()
    ]
    texts, labels = zip(*found, strict=True)
    return list(texts), np.array(labels)


def ours(texts: Sequence[str], labels: IntArray) -> Callable[[Sequence[str]], tuple[IntArray, FloatArray]]:
    model = TextClassifier().fit(texts, labels)
    return lambda asked: (model.predict(asked), model.probabilities(asked)[:, -1])


def plain(question: Question) -> Callable[..., Callable[[Sequence[str]], tuple[IntArray, FloatArray]]]:
    def fit(texts: Sequence[str], labels: IntArray) -> Callable[[Sequence[str]], tuple[IntArray, FloatArray]]:
        model = make_pipeline(TfidfVectorizer(**question.plain), LinearSVC(random_state=0))
        model.fit(texts, labels)
        return lambda asked: (model.predict(asked), np.zeros(len(asked)))

    return fit


def judged(question: Question, fit: Callable[..., Any]) -> Answers:
    """Each text by the model of the other parts."""
    right, told_, seconds = np.zeros(len(question.texts)), np.zeros(len(question.texts)), []
    for part in np.unique(question.parts):
        inside, outside = np.flatnonzero(question.parts != part), np.flatnonzero(question.parts == part)
        held: list[Any] = []
        learn = [question.texts[n] for n in inside]
        seconds.append(timed(lambda learn=learn, inside=inside, held=held: held.append(fit(learn, question.labels[inside])))[1])  # fmt: skip
        answer, told_[outside] = held[0]([question.texts[n] for n in outside])
        right[outside] = answer == question.labels[outside]
    return Answers(right, told_, seconds)


def figures(question: Question) -> dict[str, Any]:
    we, they = judged(question, ours), judged(question, plain(question))
    sizes = np.unique(question.labels, return_counts=True)[1]
    row: dict[str, Any] = {
        "texts": len(question.texts),
        "majority": round(float(sizes.max() / sizes.sum()), 4),
    }
    for name, answers in (("ours", we), ("scikit-learn", they)):
        low, high = wilson(int(answers.right.sum()), len(answers.right))
        row[name] = {
            "accuracy": round(float(answers.right.mean()), 4),
            "interval": [round(low, 4), round(high, 4)],
            "fit_cpu_seconds": spread(answers.seconds),
        }
    if len(sizes) == 2:
        row["ours"]["auc"] = round(auc(question.labels, we.told), 4)
        row["ours"]["brier"] = round(float(((we.told - question.labels) ** 2).mean()), 4)
    difference = we.right - they.right
    row["difference"] = [
        round(value, 4) for value in (float(difference.mean()), *bootstrap(difference, rng=np.random.default_rng(0), samples=500))
    ]  # fmt: skip
    row["errors_ratio"] = round(float((1 - we.right).sum() / (1 - they.right).sum()), 3)
    row["fit_ratio"] = spread([a / b for a, b in zip(we.seconds, they.seconds, strict=True)])
    parts = {int(part): question.parts == part for part in np.unique(question.parts)}
    row["parts"] = {
        str(part): [round(float(answers.right[mask].mean()), 4) for answers in (we, they)]
        for part, mask in parts.items()
    }
    say(question.name, row)
    return row


def say(name: str, row: dict[str, Any]) -> None:
    print(f"  {name}: {row['texts']:,} texts, the largest class {row['majority']:.4f}")
    for who in ("ours", "scikit-learn"):
        low, high = row[who]["interval"]
        more = f", AUC {row[who]['auc']:.4f}, Brier {row[who]['brier']:.4f}" if "auc" in row[who] else ""
        print(
            f"    {who:13} {row[who]['accuracy']:.4f} [{low:.4f}, {high:.4f}]{more}; fit {told(row[who]['fit_cpu_seconds'])} s"
        )
    mean, low, high = row["difference"]
    print(
        f"    difference {mean:+.4f} [{low:+.4f}, {high:+.4f}], errors {row['errors_ratio']} times, "
        f"fit {told(row['fit_ratio'], 2)} times; by part {row['parts']}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="where the two review files are")
    asked = parser.parse_args()
    files = asked.folder / "online_shopping_10_cats.csv.gz", asked.folder / "womens-clothing-reviews.csv.gz"
    if not all(file.exists() for file in files):
        print(f"words: the review files are not in {asked.folder}; nothing is measured.")
        return
    print("words: CPU seconds of each fit; 95 % intervals", flush=True)
    texts, labels, categories = chinese(files[0])
    names, of_text = np.unique(categories, return_inverse=True)
    characters = {"analyzer": "char", "ngram_range": (1, 2)}
    english_texts, recommended = english(files[1])
    parts = folds(texts, FOLDS)
    questions = (
        Question("Chinese, sentiment", texts, labels, parts, characters),
        Question("English, recommended", english_texts, recommended, folds(english_texts, FOLDS), {"ngram_range": (1, 2)}),
        Question("Chinese, sentiment of a category left out", texts, labels, of_text, characters),
        Question("Chinese, category", texts, of_text, parts, characters),
    )  # fmt: skip
    found = {question.name: figures(question) for question in questions}
    sizes = {"chinese": len(texts), "english": len(english_texts), "categories": names.tolist()}
    save("words", sizes, found, also=("scikit-learn",))


if __name__ == "__main__":
    main()
