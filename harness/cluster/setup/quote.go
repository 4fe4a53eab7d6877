package setup

import (
	"strings"

	"seatrial/harness/cluster"
)

// quoteAll makes an HCL list of strings.
func quoteAll(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = cluster.Quote(text)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
