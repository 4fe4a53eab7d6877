// Guest is the app of this package's tests: a web server that does as it is told,
// and a few ways to misbehave.
package main

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	verb := "serve"
	if len(os.Args) > 1 {
		verb = os.Args[1]
	}
	switch verb {
	case "serve":
		serve()
	case "stubborn": // serves, and ignores SIGTERM
		signal.Ignore(syscall.SIGTERM)
		serve()
	case "daemon": // leaves a process behind that belongs to nobody and ignores SIGTERM
		ready, tell, err := os.Pipe()
		if err != nil {
			panic(err)
		}
		again(tell, "half")
		tell.Close()
		io.ReadAll(ready) // until it is there and ignores the signal
		serve()
	case "half": // between: its own child becomes an orphan
		again(os.NewFile(3, "tell"), "linger", "told")
	case "linger":
		signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
		if len(os.Args) > 2 {
			os.NewFile(3, "tell").Close()
		}
		time.Sleep(time.Hour)
	case "hog": // uses all the memory that it gets
		var all [][]byte
		for {
			block := make([]byte, 8<<20)
			for i := range block {
				block[i] = 1
			}
			all = append(all, block)
			fmt.Println("using", len(all)*8, "MiB")
		}
	case "bomb": // starts processes without end
		for {
			again(nil, "linger")
		}
	case "dial": // says whether an address can be reached
		conn, err := net.DialTimeout("tcp", os.Args[2], time.Second)
		if err == nil {
			conn.Close()
			fmt.Println("reached", os.Args[2])
			return
		}
		fmt.Println("not reached:", err)
		os.Exit(1)
	case "unshare": // says whether a user namespace can be had
		if err := syscall.Unshare(syscall.CLONE_NEWUSER); err != nil {
			fmt.Println("refused:", err)
			os.Exit(1)
		}
		fmt.Println("root again")
	default:
		fmt.Fprintln(os.Stderr, "guest: no such verb:", verb)
		os.Exit(64)
	}
}

// again starts this program once more, in a session of its own. The file, if there is one,
// is its file 3.
func again(tell *os.File, args ...string) {
	cmd := exec.Command("/proc/self/exe", args...)
	if tell != nil {
		cmd.ExtraFiles = []*os.File{tell}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		fmt.Println("cannot start another:", err)
		time.Sleep(time.Millisecond)
	}
}

func serve() {
	version, _ := os.ReadFile("VERSION")
	fmt.Println("serving", string(version))
	http.HandleFunc("/version", func(w http.ResponseWriter, r *http.Request) { w.Write(version) })
	http.HandleFunc("/env", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, strings.Join(os.Environ(), "\n"))
	})
	http.HandleFunc("/run", func(w http.ResponseWriter, r *http.Request) {
		said, err := exec.Command("/bin/sh", "-c", r.URL.Query().Get("line")).CombinedOutput()
		w.Write(said)
		if err != nil {
			fmt.Fprintln(w, "error:", err)
		}
	})
	http.HandleFunc("/count", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, counter()) })
	server := &http.Server{Addr: net.JoinHostPort(cmp.Or(os.Getenv("LISTEN"), "127.0.0.1"), os.Getenv("PORT"))}
	stop := make(chan os.Signal, 1)
	if len(os.Args) < 2 || os.Args[1] != "stubborn" {
		signal.Notify(stop, syscall.SIGTERM)
	}
	go func() {
		<-stop
		fmt.Println("stopping")
		server.Close()
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Println(err)
		os.Exit(1)
	}
}

// counter writes one more letter into a file of the volume each time.
func counter() string {
	f, err := os.OpenFile(os.Getenv("DATA_DIR")+"/count", os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	io.WriteString(f, "x")
	all, _ := os.ReadFile(f.Name())
	return string(all)
}
