// SECRET=whsec_… go run ./receiver 3000   (DIALECT=vendor checks X-Skylight-Signature instead)
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"example.com/skyhook-receiver/webhook"
)

func main() {
	secret, vendor := os.Getenv("SECRET"), os.Getenv("DIALECT") == "vendor"
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20)) // raw: decode after it verified
		if err != nil {
			return
		}
		h := r.Header
		good := false
		if vendor {
			good = webhook.VerifyVendor(secret, h.Get("X-Skylight-Signature"), body, time.Now(), webhook.VendorTolerance)
		} else {
			good = webhook.VerifyStandard(secret, h.Get("webhook-id"), h.Get("webhook-timestamp"),
				h.Get("webhook-signature"), body, time.Now(), webhook.StandardTolerance)
		}
		if good {
			fmt.Println("verified", string(body))
			w.WriteHeader(http.StatusNoContent)
		} else {
			fmt.Println("refused", string(body))
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
