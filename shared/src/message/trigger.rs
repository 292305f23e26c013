//! Trigger types: what may cause a message, with its consent class, default channel and default priority.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

use super::{Channel, Priority};

/// On what ground a person may be contacted.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, IntoStaticStr, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Class {
    /// Codes and account alerts: always, unless the address is suppressed.
    Security,
    /// About something the person does with us: unless they opted out.
    Transactional,
    /// Only after an explicit opt-in.
    Marketing,
}

impl Class {
    /// Returns the one of two classes that reaches fewer people.
    #[must_use]
    pub fn weaker(self, other: Self) -> Self {
        match (self, other) {
            (Self::Marketing, _) | (_, Self::Marketing) => Self::Marketing,
            (Self::Transactional, _) | (_, Self::Transactional) => Self::Transactional,
            (Self::Security, Self::Security) => Self::Security,
        }
    }

    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

macro_rules! triggers {
    ($($variant:ident: $name:literal, $description:literal, $class:ident, $channel:ident, $priority:ident;)*) => {
        /// What caused a message.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumIter, EnumString, IntoStaticStr,
            utoipa::ToSchema,
        )]
        #[serde(rename_all = "snake_case")]
        #[strum(serialize_all = "snake_case")]
        pub enum Trigger { $(#[doc = $description] $variant,)* }

        impl Trigger {
            /// Its name for people: `Financial Alert`.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            pub fn description(self) -> &'static str {
                match self { $(Self::$variant => $description,)* }
            }

            pub fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class,)* }
            }

            pub fn default_channel(self) -> Channel {
                match self { $(Self::$variant => Channel::$channel,)* }
            }

            pub fn default_priority(self) -> Priority {
                match self { $(Self::$variant => Priority::$priority,)* }
            }
        }
    };
}

triggers! {
    FinancialAlert: "Financial Alert", "Critical financial notifications", Transactional, Sms, Critical;
    PaymentReminder: "Payment Reminder", "Payment due notifications", Transactional, Sms, High;
    WeeklyCheckin: "Weekly Checkin", "Weekly wellness and progress check-ins", Marketing, Email, Medium;
    MonthlyReport: "Monthly Report", "Monthly summaries and reports", Marketing, Email, Medium;
    CareerInsight: "Career Insight", "Career advice and opportunities", Marketing, Email, Low;
    EducationalContent: "Educational Content", "Articles and courses", Marketing, Email, Low;
    BookingConfirmation: "Booking Confirmation", "A booking was made", Transactional, Sms, High;
    BookingReminder: "Booking Reminder", "A booking is coming up", Transactional, Sms, High;
    BookingStatusUpdate: "Booking Status Update", "A booking was confirmed, changed or cancelled", Transactional, Sms, High;
    ProviderNotification: "Provider Notification", "A service provider has a new booking", Transactional, Sms, High;
    PaymentConfirmation: "Payment Confirmation", "A payment succeeded", Transactional, Sms, Medium;
    PaymentFailure: "Payment Failure", "A payment failed", Transactional, Sms, High;
    RefundNotification: "Refund Notification", "A refund was processed", Transactional, Sms, Medium;
    SecurityAlert: "Security Alert", "Security events of an account", Security, Sms, Critical;
    WorkflowApproval: "Workflow Approval", "A workflow waits for approval", Transactional, Sms, High;
    TaskAssignment: "Task Assignment", "A task was assigned", Transactional, Whatsapp, Medium;
    InspectionReminder: "Inspection Reminder", "An inspection is due", Transactional, Whatsapp, High;
    EmergencyNotification: "Emergency Notification", "Urgent notices to everybody concerned", Security, Sms, Critical;
    UserInvitation: "User Invitation", "An invitation to join", Transactional, Email, Medium;
    ApplicationStatusUpdate: "Application Status Update", "An application moved in the pipeline", Transactional, Sms, Medium;
    DocumentRequest: "Document Request", "A document is needed for an application", Transactional, Sms, High;
    BookingLastMinuteReminder: "Booking Last Minute Reminder", "A booking starts within the hour or two", Transactional, Sms, Critical;
    OneTimeCode: "One Time Code", "A code to sign in or to confirm an action", Security, Sms, Critical;
    PhoneVerification: "Phone Verification", "A code that proves a phone number", Security, Sms, Critical;
    EmailVerification: "Email Verification", "A code or link that proves an e-mail address", Security, Email, High;
    AddressChange: "Address Change", "A proven phone number or e-mail address of an account was changed: tells the old one", Security, Email, High;
    ErasureNotice: "Erasure Notice", "An account's data will be erased: tells its proven addresses when, and how to cancel it", Security, Email, High;
    WorkflowStatusUpdate: "Workflow Status Update", "A workflow was approved, rejected or changed", Transactional, Sms, Medium;
    TeamAnnouncement: "Team Announcement", "News for a team, such as a meeting", Transactional, Whatsapp, Medium;
    SystemMaintenance: "System Maintenance", "A system will be unavailable for a while", Transactional, Sms, High;
    SystemAlert: "System Alert", "A part of the system is degraded or down, for those who run it", Transactional, Sms, Critical;
}

impl Trigger {
    /// Its name in the API and in the tables.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn names_are_spelled_one_way_everywhere() {
        for trigger in Trigger::iter() {
            assert_eq!(trigger.as_str().parse::<Trigger>().unwrap(), trigger);
            assert_eq!(serde_json::to_value(trigger).unwrap(), trigger.as_str());
        }
    }

    #[test]
    fn every_consent_class_is_in_use() {
        for class in [Class::Security, Class::Transactional, Class::Marketing] {
            assert!(Trigger::iter().any(|trigger| trigger.class() == class));
        }
    }
}
