package perform

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"seatrial/harness/app"
	"seatrial/internal/state"
)

// keepBoot writes down how long an app took to start, for lint to compare with what its
// recipe allows for it the next time. What cannot be kept is measured again.
func (p *Performer) keepBoot(recipe string, a app.App) {
	measured, ok := a.(interface{ Boot() time.Duration })
	if !ok || measured.Boot() <= 0 {
		return
	}
	dir, err := p.State.Own(state.BootsDir)
	if err != nil {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, recipe), []byte(measured.Boot().String()+"\n"), 0o600); err != nil {
		p.Log.Warn("how long the app took to start is not kept", "recipe", recipe, "err", err)
	}
}

// lastBoot is how long a recipe's app took to start the last time; 0 where nobody knows.
func (p *Performer) lastBoot(recipe string) time.Duration {
	dir, err := p.State.Own(state.BootsDir)
	if err != nil {
		return 0
	}
	text, err := os.ReadFile(filepath.Join(dir, recipe))
	if err != nil {
		return 0
	}
	took, err := time.ParseDuration(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return took
}
