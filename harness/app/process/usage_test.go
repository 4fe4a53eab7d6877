package process

import (
	"testing"

	"seatrial/harness/app"
)

func TestWhatAnAppTookIsCounted(t *testing.T) {
	needIsolation(t)
	f := newApp(t, isolated)
	if got := f.Used().Memory; got != 0 {
		t.Errorf("%d bytes before anything was deployed", got)
	}
	must(t, f.Deploy(t.Context(), release(t, "1.0.0", nil)))
	f.ask(t, "/version")
	const mib = 1 << 20
	idle := f.Used().Memory
	if idle < mib || idle > 200*mib {
		t.Errorf("a small program took %d bytes", idle)
	}
	must(t, f.Destroy(t.Context()))
	if got := f.Used().Memory; got < idle {
		t.Errorf("%d bytes are remembered of %d", got, idle)
	}
	// A second deployment of the same run is counted with the first.
	must(t, f.Deploy(t.Context(), release(t, "1.0.1", nil)))
	if _, err := f.Exec(t.Context(), app.Command{Shell: "head -c 60000000 /dev/zero | tail -c 59000000 >/dev/null"}); err != nil {
		t.Fatal(err)
	}
	if got := f.Used().Memory; got < idle+50*mib {
		t.Errorf("%d bytes, although 59 MB more were held", got)
	}
}
