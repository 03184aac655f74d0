// Command wails is a window that runs commands, with the engine in the program itself: no port, and no second process.
package main

import (
	"context"
	"embed"
	"io/fs"
	"log"
	"net/http"
	"os"

	"github.com/wailsapp/wails/v2"
	"github.com/wailsapp/wails/v2/pkg/options"
	"github.com/wailsapp/wails/v2/pkg/options/assetserver"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/events"
	"github.com/escher-dbai/cloudops-engine/rpc"
)

//go:embed all:dist
var dist embed.FS

func main() {
	engine.ReaperMain() // first: this program also ends what the commands leave behind
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	page, err := fs.Sub(dist, "dist")
	if err != nil {
		return err
	}
	e, err := engine.New(engine.Config{Handler: events.Console(os.Stdout, events.ConsoleOptions{})})
	if err != nil {
		return err
	}
	verbs := rpc.New(e, rpc.Config{}) // answers what the page fetches and is no file of it
	return wails.Run(&options.App{
		Title: "cloudops", Width: 800, Height: 520,
		AssetServer: &assetserver.Options{Assets: page, Handler: flushed(verbs)},
		OnShutdown: func(context.Context) {
			verbs.Close()
			now, cancel := context.WithCancel(context.Background())
			cancel() // the window is gone: what runs ends at once
			_ = e.Shutdown(now)
		},
	})
}

// flushed gives streams a Flush, without which Connect does not begin one: what is written to a web view is on its
// way already.
func flushed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(unbuffered{w}, r) })
}

type unbuffered struct{ http.ResponseWriter }

// Flush does nothing.
func (unbuffered) Flush() {}
