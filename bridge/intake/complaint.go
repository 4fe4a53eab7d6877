package intake

import "log/slog"

// complaint logs what goes wrong once per kind of error, and when it is over.
type complaint struct {
	log  *slog.Logger
	kind string
}

func (c *complaint) about(err error) {
	if kind := kindOf(err); kind != c.kind {
		c.kind = kind
		c.log.Warn("cannot read new comments; nothing is lost, will try again", "err", err)
	}
}

func (c *complaint) over() {
	if c.kind != "" {
		c.kind = ""
		c.log.Info("new comments can be read again")
	}
}
