"""Text of a wanted length that looks like prose or code and depends on a seed and a name only."""
import random

WORDS = ("agent answer batch branch buffer cache call change check client code column command commit config count cursor "
         "data default delete diff edit entry error event field file folder format function group header index input item "
         "key label length level line list log loop map mask match memory message method mode model name node number "
         "object option order output page parse part path pattern plan pool prompt query queue range read record request "
         "result root route row rule run scale schema scope search seed server session shape size slot source stack start "
         "state step store stream string table tag task test text thread token tool tree turn type unit update user value "
         "version view wait window word worker write zone").split()


class SeededText:
    """`scale` divides every length."""

    def __init__(self, seed, scale=1):
        self.seed, self.scale = seed, scale

    def random(self, name):
        return random.Random(f"{self.seed}/{name}")

    def id(self, name, digits=24):
        return f"{self.random('id/' + name).getrandbits(4 * digits):0{digits}x}"

    def uuid(self, name):
        x = self.id(name, 32)
        return f"{x[:8]}-{x[8:12]}-4{x[13:16]}-8{x[17:20]}-{x[20:]}"

    def prose(self, name, characters):
        """About `characters` ÷ scale characters, at least one word."""
        r, want, lines, have = self.random(name), max(1, characters // self.scale), [], 0
        while have < want:
            words = r.choices(WORDS, k=r.randint(6, 16))
            line = ("- " if r.random() < 0.3 else "") + " ".join(words).capitalize() + "."
            lines.append(line)
            have += len(line) + 1
        return "\n".join(lines)[:want]

    def code(self, name, characters):
        """Functions of a made-up module, about `characters` ÷ scale characters."""
        r, want, out = self.random(name), max(1, characters // self.scale), []
        while sum(map(len, out)) < want:
            out.append(self._function(r))
        return "".join(out)

    @staticmethod
    def _function(r):
        name, a, b = f"{r.choice(WORDS)}_{r.choice(WORDS)}", r.choice(WORDS), r.choice(WORDS) + "s"
        body = [f"def {name}({a}, {b}):", f"    total = {r.randint(0, 99)}"]
        for _ in range(r.randint(2, 6)):
            x = r.choice(WORDS)
            body += r.choice(([f"    for {x} in {b}:", f"        total += {a} * {x} - {r.randint(1, 9)}"],
                              [f"    if total > {r.randint(10, 999)}:", f"        return {a}.{x}({b})"],
                              [f"    {a} = {x}_of({a}, {r.randint(1, 99)})"]))
        return "\n".join(body + [f"    return {a}, total"]) + "\n\n\n"
