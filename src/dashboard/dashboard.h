// Serves the dashboard: the page at `/` and its files under `/assets/`. Everything is constant and
// embedded, so that any thread may answer at once.
#pragma once

#include <optional>

#include "net/http_server.h"

namespace skyhook::dashboard {

// What a browser may do on this page: its own scripts, styles, images and requests, and nothing
// else; never in a frame.
inline constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

// True where the binary carries the page; without it `/` answers a few words that say so.
bool is_built_in();

// The answer to a request for `/`, `/index.html` or anything under `/assets/`; nullopt for every
// other path, which is the API's. GET and HEAD only (405 else). Picks Brotli or gzip by
// Accept-Encoding (RFC 9110 §12.5.3). Files with a hash in their name may be kept for a year; the
// page itself is asked for anew and answers 304 where its ETag still holds.
std::optional<net::ServerResponse> serve(const net::ServerRequest& request);

}  // namespace skyhook::dashboard
