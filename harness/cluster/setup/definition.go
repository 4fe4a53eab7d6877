package setup

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"seatrial/internal/lazyregexp"
)

// definitionKey is where a definition carries its fingerprint: in a job's meta, in a
// policy's comment.
const definitionKey = "seatrial_definition"

var definitionMark = lazyregexp.New(definitionKey + ` *= *"([0-9a-f]*)"`)

// fingerprint sums up what a definition means: its text without comments, empty lines,
// indentation, and the fingerprint itself.
func fingerprint(text string) string {
	sum := sha256.New()
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.Contains(line, definitionKey) {
			continue
		}
		sum.Write([]byte(line + "\n"))
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// edited says whether a definition is not as it was made here.
func edited(text string) bool {
	marked := definitionMark.FindStringSubmatch(text)
	return marked == nil || marked[1] != fingerprint(text)
}
