// An example payload for each kind of event, for the operator's trial publish.
import type { DescribedEventType } from "./api/types";
import { writeJson } from "./json";

const kContact = { id: 5012, name: "Amina Haddad", email: "amina@example.com", phone: "+971500000000", tags: ["vip"] };
const kMessage = { id: 88213, conversation_id: 411, contact_id: 5012, channel: "whatsapp", text: "Is the terrace open tonight?" };
const kBooking = { id: 3307, contact_id: 5012, service: "Dinner for two", starts_at: "2026-03-05T18:30:00Z", duration_minutes: 120 };
const kTicket = { id: 740, contact_id: 5012, subject: "Wrong amount on the invoice", priority: "normal" };

const kExamples: Record<string, object> = {
  "contact.created": { contact: kContact },
  "contact.updated": { contact: kContact, changed: ["tags"] },
  "contact.deleted": { contact: { id: 5012 } },
  "message.received": { message: { ...kMessage, direction: "inbound" } },
  "message.sent": { message: { ...kMessage, direction: "outbound", text: "Yes, until midnight." } },
  "booking.created": { booking: { ...kBooking, status: "confirmed" } },
  "booking.updated": { booking: { ...kBooking, status: "confirmed" }, changed: ["starts_at"] },
  "booking.cancelled": { booking: { ...kBooking, status: "cancelled" }, reason: "Guest fell ill" },
  "booking.completed": { booking: { ...kBooking, status: "completed" } },
  "ticket.created": { ticket: { ...kTicket, status: "open" } },
  "ticket.replied": { ticket: { ...kTicket, status: "open" }, reply: { author: "support", text: "A corrected invoice is on its way." } },
};

// The operator's own example of the type, where there is one.
export const exampleOf = (type: DescribedEventType): string =>
  writeJson(type.example ?? kExamples[type.event] ?? { id: 1 }, 2);
