"""What every answer says to a browser: keep nothing, guess nothing, load nothing from elsewhere.

PlainTextResponse("ok", headers=HEADERS)
"""

from __future__ import annotations

HEADERS = {
    "cache-control": "no-store",
    # Scripts, styles and pictures are files of ours; no text becomes markup (trusted types), no site frames the page.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
