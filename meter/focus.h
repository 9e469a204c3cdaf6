#pragma once
// FOCUS: what was used and what it cost, as rows of the FinOps Open Cost and Usage Specification, version 1.2, in CSV.
//
// A row is one meter of one identity, repository and upstream in one hour (in one day or month, where hours are not kept any more):
//
//   UpstreamTransferIn     GB received from an upstream     and, in columns of our own, what did not have to be: x_AvoidedQuantity in
//                                                           GB, x_AvoidedCost at the upstream's prices, negative where more came
//   UpstreamRequests       thousands of requests to it      where these have a price
//   ClientTransferOut      GB sent to clients               where these have a price
//   StorageGBMonths        what was stored
//
// List, contracted, effective and billed cost are the same: what the price list says, exactly, so that BilledCost adds up to the total
// of `report cost` for the same span. A unit price is that of the month's tiers together, rounded at the eighteenth decimal.
// An empty field is null. Source: focus.finops.org, specification v1.2, columns and attributes.

#include <functional>
#include <string>
#include <string_view>

#include "meter/report.h"

namespace weir {

// Writes the head and each row by `write`, in pieces.
void write_focus(const UsageView& view, const Prices& prices, std::string_view currency, HourNumber from, HourNumber to,
                 const std::function<void(std::string_view piece)>& write);

}  // namespace weir
