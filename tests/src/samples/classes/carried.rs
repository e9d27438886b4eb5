//! What is carried though it is not FHIR: HL7 v2 and CDA, as text.

use super::super::{
    draft::Draft,
    parts::{Maker, PRACTICE, Release, TRUST, patient_number},
};
use super::itk::PDF;

/// A document as HL7 v2.4: segments end in a carriage return, as the standard says.
pub(super) fn mdm(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    let number = maker.id("document");
    let segments = [
        format!(
            "MSH|^~\\&|EXAMPLEPAS|{TRUST}|AXLE|{PRACTICE}|20261122093000+0000||MDM^T02^MDM_T02|{}|P|2.4|||AL|NE|GBR|8859/1||EN",
            short(&maker, "message")
        ),
        "EVN|T02|20261122093000+0000".to_owned(),
        patient(),
        format!("PV1|1|O|RESP^^^{TRUST}||||9999999^Draftsmith^Alex^^^Dr|||340"),
        format!(
            "TXA|1|DS^Discharge summary|TX|20261122093000+0000|9999999^Draftsmith^Alex^^^Dr|20261122093000+0000||||||{number}|||||AU||AV"
        ),
        format!("OBX|1|ED|PDF^Discharge summary||{TRUST}^application^pdf^Base64^{PDF}||||||F"),
    ];
    Draft::of_text(segments.map(|segment| segment + "\r").concat())
}

/// Results as HL7 v2.3, with line ends as editors and many engines leave them.
pub(super) fn oru(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    let segments = [
        format!(
            "MSH|^~\\&|EXAMPLELAB|{TRUST}|AXLE|{PRACTICE}|202611220930||ORU^R01|{}|P|2.3",
            short(&maker, "message")
        ),
        patient(),
        format!("PV1|1|O|RESP^^^{TRUST}"),
        "OBR|1|A4711|L4711|FBC^Full blood count^L|||202611211015||||||||||||||||202611220900||HM|F"
            .to_owned(),
        "OBX|1|NM|718-7^Hemoglobin^LN||132|g/L|115-165||||F|||202611211015".to_owned(),
        "OBX|2|NM|777-3^Platelets^LN||251|10*9/L|150-400||||F|||202611211015".to_owned(),
        "NTE|1||No action is needed.".to_owned(),
    ];
    Draft::of_text(segments.map(|segment| segment + "\n").concat())
}

fn patient() -> String {
    format!(
        "PID|1||{}^^^NHS^NH~X0004711^^^{TRUST}^MR||Sampleton^Edith^^^Mrs||19480223|F|||2 Invented Lane^^Exampleton^^ZZ99 3CZ",
        patient_number()
    )
}

/// A control id has at most twenty characters.
fn short(maker: &Maker, what: &str) -> String {
    maker.id(what).replace('-', "").split_off(12)
}

pub(super) fn cda(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    let document = clinical_document(&maker);
    Draft::of_text(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{document}"
    ))
}

/// The same in the envelope that ITK 2 sends it in.
pub(super) fn cda_enveloped(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    let payload = maker.id("payload");
    let tracking = maker.id("message").to_uppercase();
    let document = clinical_document(&maker);
    Draft::of_text(format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<itk:DistributionEnvelope xmlns:itk="urn:nhs-itk:ns:201005">
  <itk:header service="urn:nhs-itk:services:201005:SendCDADocument-v2-0" trackingid="{tracking}">
    <itk:addresslist>
      <itk:address uri="urn:nhs-uk:addressing:ods:{PRACTICE}"/>
    </itk:addresslist>
    <itk:auditIdentity>
      <itk:id type="2.16.840.1.113883.2.1.3.2.4.18.27" uri="urn:nhs-uk:identity:ods:{TRUST}:SYSTEM"/>
    </itk:auditIdentity>
    <itk:manifest count="1">
      <itk:manifestitem id="uuid_{payload}" mimetype="text/xml" profileid="urn:nhs-en:profile:nonCodedCDADocument-v2-0"/>
    </itk:manifest>
    <itk:senderAddress uri="urn:nhs-uk:addressing:ods:{TRUST}"/>
  </itk:header>
  <itk:payloads count="1">
    <itk:payload id="uuid_{payload}">
{document}    </itk:payload>
  </itk:payloads>
</itk:DistributionEnvelope>
"#
    ))
}

fn clinical_document(maker: &Maker) -> String {
    let (id, set) = (
        maker.id("document").to_uppercase(),
        maker.id("set").to_uppercase(),
    );
    let number = patient_number();
    format!(
        r#"<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" classCode="DOCCLIN" moodCode="EVN">
  <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
  <id root="{id}"/>
  <code code="373942005" codeSystem="2.16.840.1.113883.2.1.3.2.4.15" displayName="Discharge summary"/>
  <title>Discharge summary</title>
  <effectiveTime value="20261122093000+0000"/>
  <confidentialityCode code="N" codeSystem="2.16.840.1.113883.1.11.16926" displayName="normal"/>
  <languageCode code="en-GB"/>
  <setId root="{set}"/>
  <versionNumber value="1"/>
  <recordTarget typeCode="RCT" contextControlCode="OP">
    <patientRole classCode="PAT">
      <id root="2.16.840.1.113883.2.1.4.1" extension="{number}"/>
      <addr>
        <streetAddressLine>2 Invented Lane</streetAddressLine>
        <postalCode>ZZ99 3CZ</postalCode>
      </addr>
      <patient classCode="PSN" determinerCode="INSTANCE">
        <name use="L">
          <prefix>Mrs</prefix>
          <given>Edith</given>
          <family>Sampleton</family>
        </name>
        <administrativeGenderCode code="2" codeSystem="2.16.840.1.113883.2.1.3.2.4.16.25"/>
        <birthTime value="19480223"/>
      </patient>
      <providerOrganization classCode="ORG" determinerCode="INSTANCE">
        <id root="2.16.840.1.113883.2.1.3.2.4.19.2" extension="{PRACTICE}"/>
        <name>Example Medical Centre</name>
      </providerOrganization>
    </patientRole>
  </recordTarget>
  <author typeCode="AUT" contextControlCode="OP">
    <time value="20261122093000+0000"/>
    <assignedAuthor classCode="ASSIGNED">
      <id root="1.2.826.0.1285.0.2.0.65" extension="100000000001"/>
      <assignedPerson classCode="PSN" determinerCode="INSTANCE">
        <name>
          <prefix>Dr</prefix>
          <given>Alex</given>
          <family>Draftsmith</family>
        </name>
      </assignedPerson>
      <representedOrganization classCode="ORG" determinerCode="INSTANCE">
        <id root="2.16.840.1.113883.2.1.3.2.4.19.1" extension="{TRUST}"/>
        <name>Example Teaching Hospitals</name>
      </representedOrganization>
    </assignedAuthor>
  </author>
  <custodian typeCode="CST">
    <assignedCustodian classCode="ASSIGNED">
      <representedCustodianOrganization classCode="ORG" determinerCode="INSTANCE">
        <id root="2.16.840.1.113883.2.1.3.2.4.19.1" extension="{TRUST}"/>
        <name>Example Teaching Hospitals</name>
      </representedCustodianOrganization>
    </assignedCustodian>
  </custodian>
  <informationRecipient typeCode="PRCP">
    <intendedRecipient classCode="ASSIGNED">
      <receivedOrganization classCode="ORG" determinerCode="INSTANCE">
        <id root="2.16.840.1.113883.2.1.3.2.4.19.1" extension="{PRACTICE}"/>
        <name>Example Medical Centre</name>
      </receivedOrganization>
    </intendedRecipient>
  </informationRecipient>
  <component typeCode="COMP" contextConductionInd="true">
    <structuredBody classCode="DOCBODY" moodCode="EVN">
      <component typeCode="COMP">
        <section classCode="DOCSECT" moodCode="EVN">
          <title>Plan and requested actions</title>
          <text>Please repeat the chest film in six weeks.</text>
        </section>
      </component>
    </structuredBody>
  </component>
</ClinicalDocument>
"#
    )
}
