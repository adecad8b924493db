// `skyhook bench`: drives a server with real requests, receives what it delivers, and prints what
// it measured. In the same run it measures the limit: a bare client that sends the same POSTs to
// the same receiver with nothing behind it.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace skyhook::bench {

struct Options {
  std::string server_command;  // path of the binary to start `serve` of, on a temporary data
                               // directory; see `server`
  std::string server;  // "http://127.0.0.1:8080": a server that runs already; empty: one is started
  std::string operator_token;  // with `server`
  int server_pid = 0;          // with `server`: whose CPU time is measured; 0: not measured
  std::string data_dir;        // of the started server; empty: a temporary one, removed at the end
  std::string database_url;    // of the started server; empty: the embedded store

  std::int64_t events = 20'000;  // 1 … 100,000,000
  double rate = 0;               // events a second; 0: as fast as it can
  int batch = 1;                 // events a publish request, 1 … 1,000
  int connections = 64;          // publish requests at once, 1 … 1,000
  int webhooks = 1;              // each of an account of its own, 1 … 1,000,000
  int data_bytes = 200;          // size of each event's data, 64 … 200,000
  // Shares of the webhooks whose receiver misbehaves; the rest answers at once.
  double slow = 0;     // answers after 500 ms
  double failing = 0;  // answers 500
  double hanging = 0;  // never answers
  double resetting = 0;
  bool tls = false;
  Millis timeout{5'000};          // the server's timeout for a delivery, where it is started here
  bool limit = true;              // measure the bare client too
  bool json = false;              // print JSON and nothing else on standard output
  Millis give_up_after{120'000};  // waiting for the last delivery
};

// Prints the report; progress goes to standard error. The exit status: 0, or 1 where it could not
// be measured or an acknowledged event did not arrive.
int run(const Options& options);

}  // namespace skyhook::bench
