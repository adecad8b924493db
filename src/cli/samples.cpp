#include "cli/samples.h"

#include <algorithm>

namespace skyhook::cli {

const std::vector<Sample>& samples() {
  static const std::vector<Sample> all{
      {"contact.created",
       R"({"id":4821,"name":"Ada Lovelace","email":"ada@example.com","phone":"+14155550123",)"
       R"("tags":["newsletter"],"source":"web_form","created_at":"2026-03-04T11:59:58.000000Z"})"},
      {"contact.updated",
       R"({"id":4821,"name":"Ada King","email":"ada@example.com","phone":"+14155550123",)"
       R"("tags":["newsletter","customer"],"changes":{"name":["Ada Lovelace","Ada King"]},)"
       R"("updated_at":"2026-03-04T12:10:31.000000Z"})"},
      {"contact.deleted",
       R"({"id":4821,"email":"ada@example.com","deleted_at":"2026-03-05T08:00:00.000000Z"})"},
      {"message.received",
       R"({"id":90412,"conversation_id":3107,"contact_id":4821,"channel":"whatsapp",)"
       R"("text":"Hi, can I move my appointment to Friday? 🙂","attachments":[],)"
       R"("received_at":"2026-03-04T12:12:07.000000Z"})"},
      {"message.sent",
       R"({"id":90413,"conversation_id":3107,"contact_id":4821,"channel":"whatsapp",)"
       R"("text":"Of course. Friday at 10:00 is free.","sent_by":{"id":12,"name":"Grace Hopper"},)"
       R"("sent_at":"2026-03-04T12:13:44.000000Z"})"},
      {"booking.created",
       R"({"id":771,"contact_id":4821,"service":"Consultation","starts_at":"2026-03-06T10:00:00.000000Z",)"
       R"("ends_at":"2026-03-06T10:30:00.000000Z","time_zone":"Europe/London","status":"confirmed",)"
       R"("price":{"amount":4500,"currency":"GBP"}})"},
      {"booking.updated",
       R"({"id":771,"contact_id":4821,"service":"Consultation","starts_at":"2026-03-06T14:00:00.000000Z",)"
       R"("ends_at":"2026-03-06T14:30:00.000000Z","time_zone":"Europe/London","status":"confirmed",)"
       R"("changes":{"starts_at":["2026-03-06T10:00:00.000000Z","2026-03-06T14:00:00.000000Z"]}})"},
      {"booking.cancelled",
       R"({"id":771,"contact_id":4821,"service":"Consultation","starts_at":"2026-03-06T14:00:00.000000Z",)"
       R"("status":"cancelled","cancelled_by":"contact","reason":"Out of town"})"},
      {"booking.completed",
       R"({"id":771,"contact_id":4821,"service":"Consultation","status":"completed",)"
       R"("completed_at":"2026-03-06T14:31:02.000000Z","price":{"amount":4500,"currency":"GBP"}})"},
      {"ticket.created",
       R"({"id":2210,"contact_id":4821,"subject":"Invoice shows the wrong address","priority":"normal",)"
       R"("status":"open","channel":"email","created_at":"2026-03-07T09:15:20.000000Z"})"},
      {"ticket.replied",
       R"({"id":2210,"reply_id":5833,"author":{"type":"agent","id":12,"name":"Grace Hopper"},)"
       R"("text":"Thanks, the corrected invoice is attached.","status":"pending",)"
       R"("replied_at":"2026-03-07T09:41:55.000000Z"})"},
  };
  return all;
}

const Sample* find_sample(std::string_view event) {
  const auto found = std::ranges::find(samples(), event, &Sample::event);
  return found == samples().end() ? nullptr : &*found;
}

std::string sample_data(std::string_view event) {
  const Sample* sample = find_sample(event);
  return sample == nullptr ? R"({"sample":true,"id":1})" : std::string(sample->data);
}

}  // namespace skyhook::cli
