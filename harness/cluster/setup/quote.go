package setup

import (
	"strings"

	"seatrial/harness/cluster"
)

func quoteAll(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = cluster.Quote(text)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
