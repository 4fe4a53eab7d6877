package forgetest

import _ "embed"

//go:embed style.css
var styleCSS string

// liveJS renews the thread while somebody looks. Without it the page has a link to reload.
//
//go:embed live.js
var liveJS string
