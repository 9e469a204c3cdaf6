// What the FinOps Open Cost and Usage Specification, version 1.2, asks of a file in CSV, column by column. Written from its pages
// (specification/columns and specification/attributes of v1.2), not from the program.
#pragma once

#include <cctype>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "meter/money.h"

namespace weir::testing {

enum class FocusType { decimal, text, moment, key_values };

struct FocusRule {
  const char* column;
  FocusType type;
  bool mandatory;
  bool may_be_null;
  std::set<std::string> allowed = {};  // empty: any
};

inline const std::vector<FocusRule>& focus_rules() {
  using enum FocusType;
  static const std::set<std::string> kCategories{"AI and Machine Learning",
                                                 "Analytics",
                                                 "Business Applications",
                                                 "Compute",
                                                 "Databases",
                                                 "Developer Tools",
                                                 "Multicloud",
                                                 "Identity",
                                                 "Integration",
                                                 "Internet of Things",
                                                 "Management and Governance",
                                                 "Media",
                                                 "Migration",
                                                 "Mobile",
                                                 "Networking",
                                                 "Security",
                                                 "Storage",
                                                 "Web",
                                                 "Other"};
  static const std::vector<FocusRule> kRules{
      {"BilledCost", decimal, true, false},
      {"BillingAccountId", text, true, false},
      {"BillingAccountName", text, true, true},
      {"BillingCurrency", text, true, false},
      {"BillingPeriodEnd", moment, true, false},
      {"BillingPeriodStart", moment, true, false},
      {"ChargeCategory", text, true, false, {"Usage", "Purchase", "Tax", "Credit", "Adjustment"}},
      {"ChargeClass", text, true, true, {"Correction"}},
      {"ChargeDescription", text, true, true},
      {"ChargePeriodEnd", moment, true, false},
      {"ChargePeriodStart", moment, true, false},
      {"ContractedCost", decimal, true, false},
      {"EffectiveCost", decimal, true, false},
      {"InvoiceIssuerName", text, true, false},
      {"ListCost", decimal, true, false},
      {"PricingQuantity", decimal, true, true},
      {"PricingUnit", text, true, true},
      {"ProviderName", text, true, false},
      {"PublisherName", text, true, false},
      {"ServiceCategory", text, true, false, kCategories},
      {"ServiceName", text, true, false},
      {"ChargeFrequency", text, false, false, {"One-Time", "Recurring", "Usage-Based"}},
      {"ConsumedQuantity", decimal, false, true},
      {"ConsumedUnit", text, false, true},
      {"ContractedUnitPrice", decimal, false, true},
      {"ListUnitPrice", decimal, false, true},
      {"PricingCategory", text, false, true, {"Standard", "Dynamic", "Committed", "Other"}},
      {"ResourceId", text, false, true},
      {"ResourceName", text, false, true},
      {"ResourceType", text, false, true},
      {"ServiceSubcategory",
       text,
       false,
       false,
       {"Content Delivery", "Application Networking", "Network Connectivity", "Other (Networking)", "Object Storage",
        "Storage Platforms", "Other (Storage)"}},
      {"SkuId", text, false, true},
      {"SkuMeter", text, false, true},
      {"SkuPriceId", text, false, true},
      {"SubAccountId", text, false, true},
      {"SubAccountName", text, false, true},
      {"Tags", key_values, false, true},
  };
  return kRules;
}

struct FocusFile {
  std::vector<std::string> columns;
  std::vector<std::map<std::string, std::string>> rows;
};

// RFC 4180; empty when a line has not as many fields as the head.
inline FocusFile read_focus(const std::string& text) {
  std::vector<std::vector<std::string>> lines(1);
  std::string field;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') field += text[++i];
    else if (c == '"') quoted = !quoted;
    else if (!quoted && (c == ',' || c == '\n')) {
      lines.back().push_back(std::exchange(field, {}));
      if (c == '\n') lines.emplace_back();
    } else if (quoted || c != '\r') field += c;
  }
  FocusFile file;
  file.columns = lines[0];
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    if (lines[i].size() != file.columns.size()) return {};
    auto& row = file.rows.emplace_back();
    for (std::size_t k = 0; k < lines[i].size(); ++k) row[file.columns[k]] = lines[i][k];
  }
  return file;
}

// NumericFormat: an integer, a decimal or E notation; no sign for a positive one, nothing else in it.
inline bool is_focus_decimal(const std::string& text) {
  std::size_t at = text.starts_with('-') ? 1 : 0, digits = 0, points = 0;
  for (; at < text.size(); ++at) {
    if (std::isdigit(static_cast<unsigned char>(text[at]))) ++digits;
    else if (text[at] == '.' && digits > 0) ++points;
    else return false;
  }
  return digits > 0 && points <= 1 && !text.ends_with('.');
}

// DateTimeFormat: YYYY-MM-DDTHH:mm:ssZ.
inline bool is_focus_moment(const std::string& text) {
  const std::string form = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] == 'd' ? !std::isdigit(static_cast<unsigned char>(text[i])) : text[i] != form[i]) return false;
  }
  return true;
}

// Of two decimals and one: a * b is c, but for what eighteen decimals cannot say. By whole numbers, so that nothing else rounds.
inline bool focus_product_matches(const std::string& quantity, const std::string& price, const std::string& cost) {
  const auto a = Money::parse(quantity), b = Money::parse(price), c = Money::parse(cost);
  if (!a || !b || !c) return false;
  const auto to_double = [](Money money) { return static_cast<long double>(money.attos()) / 1e18L; };
  const auto product = to_double(*a) * to_double(*b), expected = to_double(*c);
  const auto apart = product > expected ? product - expected : expected - product;
  return apart <= 1e-15L * (1 + (expected > 0 ? expected : -expected)) + to_double(*a) * 1e-18L;
}

// Every breach, as `ROW COLUMN: WHAT`; none when the file is right.
inline std::vector<std::string> focus_breaches(const FocusFile& file) {
  std::vector<std::string> breaches;
  const std::set<std::string> names(file.columns.begin(), file.columns.end());
  if (names.size() != file.columns.size()) breaches.push_back("head: a column is there twice");
  std::set<std::string> known;
  for (const auto& rule : focus_rules()) {
    known.insert(rule.column);
    if (rule.mandatory && !names.contains(rule.column)) breaches.push_back(std::string("head: no ") + rule.column);
  }
  for (const auto& name : file.columns) {
    if (!known.contains(name) && !name.starts_with("x_"))
      breaches.push_back("head: " + name + " is no column of FOCUS and has no x_");
  }
  for (std::size_t i = 0; i < file.rows.size(); ++i) {
    const auto& row = file.rows[i];
    const auto breach = [&](const std::string& column, const std::string& what) {
      breaches.push_back("row " + std::to_string(i) + ' ' + column + ": " + what);
    };
    const auto value = [&](const char* column) {
      const auto found = row.find(column);
      return found == row.end() ? std::string() : found->second;
    };
    for (const auto& rule : focus_rules()) {
      if (!names.contains(rule.column)) continue;
      const auto text = value(rule.column);
      if (text.empty()) {
        if (!rule.may_be_null) breach(rule.column, "null");
        continue;
      }
      if (rule.type == FocusType::decimal && !is_focus_decimal(text)) breach(rule.column, "no number: " + text);
      if (rule.type == FocusType::moment && !is_focus_moment(text)) breach(rule.column, "no moment in UTC: " + text);
      if (rule.type == FocusType::key_values && !(text.starts_with('{') && text.ends_with('}')))
        breach(rule.column, "no object: " + text);
      if (text == "null" || text == "NULL" || text == "Not Applicable") breach(rule.column, "a word for null");
      if (!rule.allowed.empty() && !rule.allowed.contains(text)) breach(rule.column, "not allowed: " + text);
    }
    if (!valid_currency(value("BillingCurrency"))) breach("BillingCurrency", "no code of ISO 4217");
    // Inclusive starts, exclusive ends; the charge lies within its billing period. As texts of this form they compare as times.
    if (value("ChargePeriodStart") >= value("ChargePeriodEnd")) breach("ChargePeriodEnd", "not after its start");
    if (value("BillingPeriodStart") > value("ChargePeriodStart") || value("ChargePeriodEnd") > value("BillingPeriodEnd"))
      breach("BillingPeriodStart", "the charge lies outside");
    const bool usage = value("ChargeCategory") == "Usage";
    // Of usage that is no correction these are not null.
    for (const char* column : {"PricingQuantity", "ListUnitPrice", "ContractedUnitPrice", "PricingCategory", "SkuId",
                               "SkuPriceId", "ConsumedQuantity"}) {
      if (usage && value("ChargeClass").empty() && names.contains(column) && value(column).empty())
        breach(column, "null in a row of usage");
    }
    for (const auto& [quantity, unit] :
         {std::pair("PricingQuantity", "PricingUnit"), std::pair("ConsumedQuantity", "ConsumedUnit"),
          std::pair("ResourceId", "ResourceType"), std::pair("SubAccountId", "SubAccountName")}) {
      if (value(quantity).empty() != value(unit).empty())
        breach(unit, std::string("null, and ") + quantity + " is not, or the other way round");
    }
    if (value("SkuId").empty() && !value("SkuMeter").empty()) breach("SkuMeter", "not null without a SkuId");
    if (!value("ResourceName").empty() && value("ResourceName") == value("ResourceId"))
      breach("ResourceName", "repeats the ResourceId");
    if (value("ListUnitPrice").starts_with('-')) breach("ListUnitPrice", "negative");
    if (!focus_product_matches(value("PricingQuantity"), value("ListUnitPrice"), value("ListCost")))
      breach("ListUnitPrice", "is not ListCost by PricingQuantity");
    if (!focus_product_matches(value("PricingQuantity"), value("ContractedUnitPrice"), value("ContractedCost")))
      breach("ContractedUnitPrice", "is not ContractedCost by PricingQuantity");
    const std::map<std::string, std::string> parents{{"Content Delivery", "Networking"}, {"Object Storage", "Storage"}};
    if (const auto parent = parents.find(value("ServiceSubcategory"));
        parent != parents.end() && parent->second != value("ServiceCategory"))
      breach("ServiceSubcategory", "of another category");
  }
  return breaches;
}

}  // namespace weir::testing
