// Preview serves the dashboard with made-up runs, to look at while changing it:
//
//	go run ./dashboard/internal/preview -addr 127.0.0.1:8080
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"seatrial/dashboard"
	"seatrial/dashboard/internal/sample"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "where to listen")
	onCluster := flag.Bool("cluster", false, "with runs on a cluster")
	away := flag.Bool("away", false, "with a cluster that does not answer")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	config := dashboard.Config{
		Journal: sample.NewJournal(), Queue: sample.Queue, Enrolments: sample.Enrolments, Unenrolled: sample.Unenrolled, OpenLog: sample.OpenLog,
		PublicURL: "https://seatrial.example.org", Now: func() time.Time { return sample.Now }, Log: slog.Default(), Version: "preview",
	}
	if *onCluster || *away {
		sample.OnCluster(&config)
	}
	if *away {
		config.Cluster = sample.ClusterAway
	}
	d := dashboard.New(config)
	fmt.Printf("http://%s/\n", l.Addr())
	server := &http.Server{Handler: d, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	go d.Run(ctx)
	_ = server.Serve(l) // it ends when it is closed
}
