"""Questions with a few one-word choices, for lm-evaluation-harness. Equal seeds give equal questions."""
import random

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December"]
WORDS = ["storm", "river", "garden", "window", "silver", "mountain", "bread", "letter", "winter", "bridge"]
PAIRS = [("hot", "cold"), ("up", "down"), ("big", "small"), ("fast", "slow"), ("old", "new"), ("open", "closed"), ("light", "dark")]


def in_order(draw, names, what):
    at, step = draw.randrange(len(names)), draw.randrange(1, 4)
    right = names[(at + step) % len(names)]
    wrong = draw.sample([n for n in names if n != right], 3)
    return f"Today it is {names[at]}. Which {what} comes {step} {what}s later?", right, wrong


def larger(draw):
    a, b = draw.sample(range(100), 2)
    return f"Is {a} larger than {b}?", *(("yes", ["no"]) if a > b else ("no", ["yes"]))


def letter(draw):
    word, one = draw.choice(WORDS), draw.choice("aeiorstn")
    return f"Does the word '{word}' contain the letter '{one}'?", *(("yes", ["no"]) if one in word else ("no", ["yes"]))


def opposite(draw):
    word, right = draw.choice(PAIRS)
    wrong = draw.sample([w for p in PAIRS for w in p if w not in (word, right)], 3)
    return f"What is the opposite of '{word}', as in example {draw.randrange(1000)}?", right, wrong


def questions(count, seed):
    for i in range(count):
        draw = random.Random(f"{seed} question {i}")
        kinds = [lambda: in_order(draw, DAYS, "day"), lambda: in_order(draw, MONTHS, "month"), lambda: larger(draw),
                 lambda: letter(draw), lambda: opposite(draw)]
        text, right, wrong = kinds[i % len(kinds)]()
        choices = draw.sample([right, *wrong], 1 + len(wrong))
        yield {"question": f"Question: {text}\nAnswer:", "choices": choices, "answer": choices.index(right)}
