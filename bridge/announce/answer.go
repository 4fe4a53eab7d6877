package announce

import (
	"fmt"
	"strings"

	"seatrial/bridge/admission"
	"seatrial/harness/run"
)

// RenderRefusal writes the answer to a command that started nothing.
func RenderRefusal(comment int64, asker string, words admission.Words) string {
	return fmt.Sprintf("🚫 **not started** · asked for by %s\n\n%s\n\n%s\n\n%s\n",
		code(asker, 60), prose(words.Sentence, 600), prose(words.Next, 600), CommentMarker(comment))
}

// RenderWaiting writes the answer to a command about which nothing can be decided yet.
func RenderWaiting(comment int64, asker string, words admission.Words) string {
	return fmt.Sprintf("⏳ **not decided yet** · asked for by %s\n\n%s\n\n%s\n\n%s\n",
		code(asker, 60), prose(words.Sentence, 600), prose(words.Next, 600), CommentMarker(comment))
}

// RenderJoined writes the answer to a command that asks for what is under way
// already. There is the address of that run's comment, or empty.
func RenderJoined(comment int64, asker string, r run.Report, there string, c Context) string {
	about := fmt.Sprintf("a run of %s at %s", code(r.Request.Recipe, 60), code(r.Request.Code.ShortCommit(), 12))
	switch page := c.runPage(r.Request.ID); {
	case linkable(there):
		about = "[" + about + "](" + there + ")"
	case page != "":
		about = "[" + about + "](" + page + ")"
	}
	return strings.Join([]string{
		"🔗 **joined** · asked for by " + code(asker, 60),
		"There is " + about + " already. It answers this as well.",
		CommentMarker(comment),
	}, "\n\n") + "\n"
}
