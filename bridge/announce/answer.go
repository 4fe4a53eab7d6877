package announce

import (
	"fmt"

	"seatrial/bridge/admission"
	"seatrial/harness/run"
)

// RenderRefusal writes the answer to a command that started nothing.
func RenderRefusal(comment int64, asker string, words admission.Words) string {
	return answer("🚫 **not started**", comment, asker, words)
}

// RenderWaiting writes the answer to a command about which nothing can be decided yet.
func RenderWaiting(comment int64, asker string, words admission.Words) string {
	return answer("⏳ **not decided yet**", comment, asker, words)
}

func answer(head string, comment int64, asker string, words admission.Words) string {
	return paragraphs(head+" · asked for by "+code(asker, 60), prose(words.Sentence, 600), prose(words.Next, 600), CommentMarker(comment))
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
	return paragraphs("🔗 **joined** · asked for by "+code(asker, 60), "There is "+about+" already. It answers this as well.", CommentMarker(comment))
}
