#include "bench/bare_client.h"

#include <string_view>
#include <utility>

#include "base/uuid.h"
#include "bench/receiver.h"
#include "domain/event.h"

namespace skyhook::bench {

namespace {

constexpr std::string_view kSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
constexpr std::size_t kHeaderBytes = 640;

}  // namespace

BareClient::BareClient(std::shared_ptr<const net::Url> url, std::string event_type, int data_bytes)
    : url_(std::move(url)),
      event_type_(std::move(event_type)),
      data_bytes_(data_bytes),
      signer_(kSecret) {}

Poster::Post BareClient::make(std::int64_t sequence) {
  const Timestamp now = clock_.now();
  const Event event{.id = EventId{2 * sequence + 1},
                    .account_id = AccountId{1},
                    .type = event_type_,
                    .data = stamped_data(sequence, monotonic_us(), data_bytes_),
                    .created_at = now,
                    .traceparent = {}};
  const Uuid uuid = make_uuid(now, 2 * sequence + 2);
  const std::string id = uuid.to_string();
  const std::int64_t now_s = to_unix_seconds(now);
  const std::string time = std::to_string(now_s);
  std::string body = delivery_body(event, uuid, now);
  const signing::Signatures signatures = signer_.sign(id, now_s, body);

  std::string headers;
  headers.reserve(kHeaderBytes);
  headers.append("Content-Type: application/json\r\nUser-Agent: Skyhook/0.0.0\r\n");
  headers.append("X-Skylight-Event: ").append(event_type_);
  headers.append("\r\nX-Skylight-Delivery: ").append(id);
  headers.append("\r\nX-Skylight-Timestamp: ").append(time);
  headers.append("\r\nX-Skylight-Signature: ").append(signatures.vendor);
  headers.append("\r\nwebhook-id: ").append(id);
  headers.append("\r\nwebhook-timestamp: ").append(time);
  headers.append("\r\nwebhook-signature: ").append(signatures.standard).append("\r\n");
  return {url_, std::move(headers), std::move(body)};
}

}  // namespace skyhook::bench
