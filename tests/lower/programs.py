"""Programs that try the front ends: each is read by both, and each statement of it alone."""

from __future__ import annotations

LAYOUTS = {
    "form feed before def": "\fdef f(): pass\n",
    "form feed before decorator": "x = 1\n\f@d\ndef f(): pass",
    "form feed in the indentation": "class A:\n\f    def f(self): pass\n",
    "form feed in a line": "a\n\f\nb =\fc\n",
    "tabs": "class A:\n\tdef f(self):\n\t\tx = '''\na\n'''\n\t\treturn x",
    "tabs and blanks": "if a:\n\tb\n        # c\n\tdef f():\n\t        pass",
    "crlf": "class A:\r\n  def f(): \r\n    '''a\r\n  b'''\r\n    return 1\r\n",
    "lone cr": "class A:\r  def f():\r    '''a\r'''\r    return 1\r",
    "line separators inside strings": "x = 'a\u2028b'; y = c\nz = 'a\x1cb', d\n",
    "no last newline": "def f():\n    return g(1)",
    "comment after the end": "def f():\n    a\n    # b\n\n# c\nx = 1\n",
    "semicolons": "x = a; y = b;\nif x: a; b = c; d;\ndef f(): a; b;\n",
    "statement after a multi-line one": "x = 1; é = ü; y = '''\n'''; z = 2",
    "wide characters before the column": "x = '\U0001f600', a.b; y = f('é', g(b=c))",
    "backslashes": "def f(a, \\\n  b): \\\n  return a\nx = a \\\n . b; \\\n  y = 1\n",
    "dedented continuation": "class A:\n  x = [\n1,\n2]\n  def f(a=[\n1]):\n    return [\n1]",
    "nested functions": "if x:\n  def f():\n    @d\n    async def g():\n      return 1\n   # c\n    return g",
    "decorators": "@a . b (c)\n\n# x\n@e\nasync  def f(): pass\n@(\n # @c\n a\n)\nclass B: pass",
    "comments in brackets": "x = (  # c)\n  a  # d]\n).b",
    "backslash in a string": "x = 'a\\\nb'; y = c",
    "empty": "",
    "comments only": "# a\n\n\n# b",
}

STATEMENTS = {
    "assignments": "a = b = c, = d; (a) = (b); ((a, b)) = ((c)); *a, b = c; a.b[c] = d",
    "annotated": "x: (int) = 3; x.y: int; x: 'a' = yield_\n",
    "augmented": "x @= a; x //= b; x **= c; x >>= d; x -= e; x |= f",
    "deletes": "del a, (b, c), [d]; del (a); del (a,); del a,; del (a.b)",
    "imports": "import ﬁ.a . b as c, d; from . import a; from ... import a as b\nfrom .... a . b import (c as d, e,)",
    "star import": "from a import *",
    "jumps": "def f():\n global a, b\n def g():\n  nonlocal c\n while 1:\n  break; continue\n pass",
    "raise and assert": "raise\nraise A from B\nassert a, b\nassert (a, b)",
    "with": "with (a, b): pass\nwith (a): pass\nwith (a for b in c): pass\nwith (a, b) as c: pass\n"
    "with (a as b, c as d,): pass\nwith (a).b as c, d: pass\nwith a as (b, c), d as [e], f as g.h, i as j[k]: pass",
    "async": "async def f():\n  async with (a as b): pass\n  async for x in y: await z\n"
    "  else: (await a).b\n  return [a async for a in b]",
    "class heads": "class A(B, *c, d=e, **g): pass\nclass A(): pass\nclass A: x = 1; y: int = 2;",
    "loops": "while (a := b): pass\nelse: c\nfor a, b in c,: pass\nelse: d\nfor x in *a, b: pass\nfor (x) in (y): pass",
    "elif": "if a: b\nelif (c): d\nelif e: f\nelse: g\nif a: b\nelse:\n if c: d",
    "try": "try: a\nexcept: b\nelse: c\nfinally: d\ntry:\n a\nexcept (A, B) as e: pass\nexcept C: pass\n# c\nfinally:\n  b",
    "parameters": "def f(a, b: int=1, /, c=2, *d: e, f: g=3, **h: i) -> j: pass\ndef f(*, a,): pass\ndef f(a, /,): pass\n"
    "def f(*a,): pass\ndef f(**a,): pass\ndef ﬁ(ﬁ: ﬁ): pass",
    "match": "match a, *b:\n case (b): pass\n case b, *c if d: pass\n case ((b, c) | [b, c]) as e: pass\n"
    " case {'a': b, **r}: pass\n case {}: pass\n case {**r,}: pass\n case A.B(c, d=e,): pass\n"
    " case -1 | 1+2j | 'a' 'b' | None | True: pass\n case [*_]: pass\n case (*_,): pass\n case (): pass\n"
    " case A(): pass\n case ((((a)))): pass\n case a.b.c: pass\n case [a, (b, c)]: pass\n case _: x; y",
    "soft keywords": "match = 1; case = 2; match[case]; match(case); type = 1; type(a); _ = 3",
}

EXPRESSIONS = {
    "numbers": "0x_fF + 0b1 + 0o7 + 1_000 + 00 + 1_0.5e1_0 + 1e400 + 1_0j + .5j + ...",
    "strings": "'a' \"b\" r'\\c' u'd', b'a' rb'\\b', '\\n\\x41', '''''', '''a''', '', 'a''b', '\\d', '\\ud800'",
    "unary": "-1 ** -2 if not a else ~b; not not a; - + a",
    "comparisons": "a < b <= c != d is not e not in f; (a < b) < c; a is  not b; a not\\\n in b",
    "booleans": "a and b or c and (d and e) and not g; (a and b) and c; a and (b and c); a or b and c or d",
    "binary": "a @ b // c << d | e ^ f & g - h % i; (a + b) * c; a - (b - c)",
    "conditional": "a if b else(c); a if(b)else c; x = a if b else c if d else lambda: e",
    "subscripts": "a[b:c,d]; a[:,]; a[::]; a[:b:]; a[(b,c)]; a[b,]; a[(b:=c)]; a[b:=c]; a[1:2, ::3, ...]; a[b][c]",
    "calls": "f(a:=b); f(x for x in y); f((x for x in y)); f(a=1, *b, **c, d=2); f(* a, ** b); f()()[0].b(c)(d)",
    "tuples": "(); (((),)); 1,; (1,); (a), b; ((a, b), c)",
    "displays": "{**a, 'b': c}; {*a, b}; {}; [*a, *b]; [ ]; {a}",
    "comprehensions": "{a: b for a in b if c if d for e, in f}; {a for a in b}; [a for a, in b]; (a for b in c for d in e)",
    "lambdas": "lambda: 0; lambda *, a: 0; lambda a, /, b=1, *c, d, **e: (a); lambda a,: 0; lambda: (yield)",
    "yields": "def f():\n x = yield\n y = (yield a), b\n z = yield from (yield a)\n return *a, b\n yield *a, b",
    "walrus": "(a := b); f((a := b), c=(d := e)); [x := 1, (y := 2)]; x[(y := 1) : 2]; (a := (b := c))",
    "names": "xﬁ.ﬁ(ﬁ=ﬁ); ª; None, True, (False)",
    "attributes": "a . b .\\\n c; (a.b).c; ((a)).b; 1 .real; 'a'.join(b)",
}

FORMATS = {
    "conversions": "f'{a!r:>{b}}' 'c' f\"{d['e']}\"; f'{a = !r:>3}'; f'{a=}'",
    "nested": "f\"{f'{x.y}'}\"; f\"{'a' if b else 'c'}\"; f'{a:{b}.{c.d}}'",
    "columns": "f'{ a.b }{a.b}'; é = f'é{a.b}{\"é\"}{b}'; f'{x}' if f'{y}' else f'{z}'",
    "braces": "f'{{a}}{b}'; f'{a}}}{b}'; f'{ {1: 2}[1] }'; f'{a[1:2]:%H:%M}'; f'{(a, b)}'; f'{(a for a in b)}'",
    "several lines": "x = (f'a'\n f'{b.c}'\n  f'{d}{e}')\nf'''\n{a}\n{b.c} {\n d}\n'''; f'''a\n{b}''' f'{c}'",
    "raw": "rf'\\{a}'; fr'\\N{a}'; f'\\x20{a}'; Rf'{a:\\d{b}}'",
    "pieces": "'a' 'b'; f'' 'a'; 'a' f'b'; f'{a}' r'{b}' '{c}'",
}

PROGRAMS = {**LAYOUTS, **STATEMENTS, **EXPRESSIONS, **FORMATS}

DEEP = {
    "attributes": "x = " + "a." * 250 + "b; y = c; z = ';'\nw = 1",
    "in a block": "def f():\n  a\n  x = (\n" + "-" * 200 + "1); z\n  y",
    "head of a compound": "if " + "not " * 200 + "a:\n  b; c;\n  # d\nelif e: f\nelse:\n  # g\n  h;\n  \nx",
    "decorator": "@" + "a." * 200 + "b\n@c\nclass A:\n  def f():\n   pass\n\n  # d\nx",
    "decorator over a bound": "@" + "a." * 200 + "b\ndef f():\n  x = " + "-" * 200 + "1\ny",
    "handler over a bound": "try:\n  x = " + "-" * 200 + "1\nexcept " + "a." * 200 + "b: pass\ny",
    "elif": "\n".join("elif c: d" if i else "if a: b" for i in range(300)) + "\nelse: e\nx = 1",
    "operands": "if a:\n x = " + "b + " * 200 + "c\n y\nz",
    "blocks": "\n".join(" " * i + "if a:" for i in range(95)) + "\n" + " " * 95 + "x = " + "a." * 100 + "b",
    "calls": "f(" * 85 + ")" * 85,
    **{f"slice under {k}": "x = " + "-" * k + "a[:]" for k in (177, 178, 179)},
    **{f"slice in a tuple under {k}": "x = " + "-" * k + "a[:,]" for k in (176, 177)},
    **{f"tuple under {k}": "x = " + "-" * k + "a[b,]" for k in (176, 177, 178)},
    **{f"starred under {k}": "x = " + "-" * k + "f(*a)" for k in (176, 177, 178)},
}
