#include "domain/delivery.h"

namespace skyhook {

std::string_view to_string(DeliveryStatus status) {
  switch (status) {
    case DeliveryStatus::pending:
      return "pending";
    case DeliveryStatus::delivered:
      return "delivered";
    case DeliveryStatus::failed:
      return "failed";
  }
  return "failed";
}

std::optional<DeliveryStatus> parse_delivery_status(std::string_view text) {
  for (const auto status :
       {DeliveryStatus::pending, DeliveryStatus::delivered, DeliveryStatus::failed}) {
    if (text == to_string(status)) return status;
  }
  return std::nullopt;
}

std::string_view to_string(FailureReason reason) {
  switch (reason) {
    case FailureReason::none:
      return "none";
    case FailureReason::http_status:
      return "http_status";
    case FailureReason::timeout:
      return "timeout";
    case FailureReason::response_too_slow:
      return "response_too_slow";
    case FailureReason::dns:
      return "dns";
    case FailureReason::connect:
      return "connect";
    case FailureReason::tls:
      return "tls";
    case FailureReason::blocked_address:
      return "blocked_address";
    case FailureReason::reset:
      return "reset";
    case FailureReason::bad_response:
      return "bad_response";
    case FailureReason::invalid_url:
      return "invalid_url";
    case FailureReason::webhook_inactive:
      return "webhook_inactive";
    case FailureReason::gone:
      return "gone";
    case FailureReason::internal:
      return "internal";
  }
  return "internal";
}

}  // namespace skyhook
