package process
import ("testing"; "net/url")
func TestDbg(t *testing.T) {
	f := newApp(t, isolated)
	must(t, f.Deploy(t.Context(), release(t, "1.0.0", nil)))
	t.Log(f.ask(t, "/run?line="+url.QueryEscape("id; ls -la / /volumes /app /dev/shm /home /etc; stat /volumes /volumes/data; cat /proc/self/status; umask; mount")))
}
