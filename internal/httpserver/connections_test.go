package httpserver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// crowdedServer in the environment makes this program a server with few open files.
const crowdedServer = "SEATRIAL_TEST_CROWDED_SERVER"

func serveCrowd() {
	few := unix.Rlimit{Cur: 1024, Max: 1024}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	ctx, end := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	fmt.Println(l.Addr())
	if err := New(Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "here") })}).Serve(ctx, l); err != nil {
		panic(err)
	}
}

// from dials from an address of this machine.
func from(t *testing.T, local, to string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(local)}, Timeout: 5 * time.Second}
	conn, err := d.Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// asks asks on a connection and returns the body.
func asks(conn net.Conn) (string, error) {
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, get); err != nil {
		return "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

func TestIdleConnectionsOfOneClientKeepNobodyOut(t *testing.T) {
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), crowdedServer+"=1")
	server.Stderr = os.Stderr
	in, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		if err := server.Wait(); err != nil {
			t.Error(err)
		}
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addr := strings.TrimSpace(line)
	for range 1200 {
		from(t, "127.0.0.2", addr)
	}
	for _, client := range []string{"127.0.0.3", "127.0.0.2"} {
		if body, err := asks(from(t, client, addr)); body != "here" || err != nil {
			t.Errorf("%s: %q %v", client, body, err)
		}
	}
}

// crowd is a server with room for 6 connections, 2 of one address, whose requests hang
// until they are released.
func crowd(t *testing.T, trusted ...netip.Prefix) (addr string, under chan struct{}, release chan struct{}) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	under, release = make(chan struct{}, 100), make(chan struct{})
	s := New(Config{MaxConnections: 6, MaxPerAddress: 2, TrustedProxies: trusted, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		under <- struct{}{}
		<-release
		fmt.Fprint(w, "here")
	})})
	ctx, end := context.WithCancel(context.Background())
	returned := make(chan error)
	go func() { returned <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		end()
		if err := <-returned; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), under, release
}

// busy opens a connection with an answer under way.
func busy(t *testing.T, local, addr string, under chan struct{}) (answer chan string) {
	conn := from(t, local, addr)
	answer = make(chan string, 1)
	go func() {
		body, _ := asks(conn)
		answer <- body
	}()
	<-under
	return answer
}

func closed(conn net.Conn) bool {
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, err := conn.Read(make([]byte, 1))
	timeout, ok := err.(net.Error)
	return err != nil && !(ok && timeout.Timeout())
}

func TestOneAddressHasItsShare(t *testing.T) {
	addr, under, release := crowd(t)
	first := busy(t, "127.0.0.2", addr, under)
	idle := from(t, "127.0.0.2", addr)
	second := busy(t, "127.0.0.2", addr, under) // takes the place of the idle one
	if !closed(idle) {
		t.Error("the idle connection stayed")
	}
	if !closed(from(t, "127.0.0.2", addr)) {
		t.Error("a third one is let in although both have an answer under way")
	}
	other := busy(t, "127.0.0.3", addr, under)
	close(release)
	for _, answer := range []chan string{first, second, other} {
		if body := <-answer; body != "here" {
			t.Errorf("got %q", body)
		}
	}
}

func TestATrustedProxyHasRoomForItsClients(t *testing.T) {
	addr, under, release := crowd(t, netip.MustParsePrefix("127.0.0.2/32"))
	var all []chan string
	idle := from(t, "127.0.0.3", addr)
	for range 6 { // the last one takes the place of the idle one
		all = append(all, busy(t, "127.0.0.2", addr, under))
	}
	if !closed(idle) {
		t.Error("the idle connection stayed")
	}
	if !closed(from(t, "127.0.0.3", addr)) {
		t.Error("one too many is let in")
	}
	close(release)
	for _, answer := range all {
		if body := <-answer; body != "here" {
			t.Errorf("got %q", body)
		}
	}
}

func TestWhoseConnectionsAreCountedTogether(t *testing.T) {
	cs := newConnections(Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for addr, want := range map[string]string{
		"192.0.2.7:80": "192.0.2.7/32", "[::ffff:192.0.2.7]:80": "192.0.2.7/32", "[2001:db8:1:2:3::1%eth0]:80": "2001:db8:1:2::/64",
		"10.1.2.3:80": "invalid Prefix", "pipe": "invalid Prefix",
	} {
		if got := cs.network(named(addr)).String(); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	if cs.max < 1 || cs.max > mostConnections || cs.maxPerAddress < 1 || cs.maxPerAddress > cs.max {
		t.Errorf("by default %d in all, %d of one address", cs.max, cs.maxPerAddress)
	}
}

type named string

func (named) Network() string  { return "tcp" }
func (n named) String() string { return string(n) }
