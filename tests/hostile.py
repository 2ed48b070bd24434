"""Names that would do harm, were they anything but text."""

from dataclasses import replace

MARKS = ("<", ">", '"', "'", "&", "\u2028", "\u2029", "\x00", "`", "{{7*7}}", "{%raw%}", "]]>")
HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<!--<script>",
    "--><img src=x onerror=alert(1)>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "<iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<base href=//evil.example>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<object data=//evil.example>",
    "<style>@import '//evil.example'</style>",
    "<math><mtext></mtext><script>alert(1)</script></math>",
    "javascript:alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "\\u003cscript\\u003ealert(1)",
    "${alert(1)}",
    '=HYPERLINK("//evil.example")',
    "x' autofocus onfocus=alert(1) '",
    'x" style="background:url(//evil.example)',
    *(f"a{mark}b" for mark in MARKS),
    *(f"<b {mark}>bold</b>" for mark in MARKS),
    *(f"</pre></td>{mark}<script src=//evil.example/{i}>" for i, mark in enumerate(MARKS)),
]


def with_names(summary, names):
    """Put names into every slot that a user's data, files or command can fill."""
    return replace(
        summary,
        name=names[0] + "".join(names),
        command=" ".join(names),
        sources=[{"name": name, "sha256": name} for name in names],
        label_names=list(names),
        label_counts=[[1] * len(names) for _ in summary.symbols],
        settings={name: name for name in names},
        versions=dict(zip(names, names, strict=True)),
    )
