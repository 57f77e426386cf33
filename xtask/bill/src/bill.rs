//! One bill of materials in CycloneDX 1.5. Which crates are in it is said by the tree.

use anyhow::{Context, Result, anyhow, bail};
use cyclonedx_bom::external_models::spdx::SpdxExpression;
use cyclonedx_bom::external_models::uri::Purl;
use cyclonedx_bom::models::bom::{Bom, SpecVersion};
use cyclonedx_bom::models::component::{Classification, Component, Components};
use cyclonedx_bom::models::dependency::{Dependencies, Dependency};
use cyclonedx_bom::models::hash::{Hash, HashAlgorithm, HashValue, Hashes};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::models::metadata::Metadata;
use cyclonedx_bom::validation::Validate;

use crate::crates::Crates;
use crate::tree::{Package, Tree};

/// Writes the bill of a package.
pub(crate) fn write(package: &str, tree: &Tree, crates: &Crates) -> Result<Vec<u8>> {
    let root = tree.root(package).with_context(|| format!("{package} is not built"))?;
    let below = tree.below(root);
    let mut components = Vec::new();
    for part in below.keys().filter(|part| **part != root) {
        components.push(component(part, Classification::Library, crates)?);
    }
    let component = component(root, Classification::Application, crates)?;
    let dependency = |(part, on): (&&Package, &&std::collections::BTreeSet<Package>)| Dependency {
        dependency_ref: reference(part, crates),
        dependencies: on.iter().map(|part| reference(part, crates)).collect(),
    };
    let bom = Bom {
        serial_number: None,
        metadata: Some(Metadata { component: Some(component), ..Metadata::default() }),
        components: Some(Components(components)),
        dependencies: Some(Dependencies(below.iter().map(dependency).collect())),
        spec_version: SpecVersion::V1_5,
        ..Bom::default()
    };
    let validation = bom.validate_version(SpecVersion::V1_5);
    if !validation.passed() {
        bail!("the bill of {package} is not CycloneDX 1.5: {validation:?}");
    }
    let mut written = Vec::new();
    bom.output_as_json_v1_5(&mut written)
        .with_context(|| format!("the bill of {package} cannot be written"))?;
    written.push(b'\n');
    Ok(written)
}

/// A crate of this repository has no package URL: a crate of its name at a registry would be somebody else's.
fn component(package: &Package, kind: Classification, crates: &Crates) -> Result<Component> {
    let Package { name, version } = package;
    let known = crates.of(package)?;
    let mut component = Component::new(kind, name, version, Some(reference(package, crates)));
    let license = known.license.clone().with_context(|| format!("{name} names no licence"))?;
    let license = SpdxExpression::parse_lax(license).with_context(|| format!("the licence of {name}"))?;
    component.licenses = Some(Licenses(vec![LicenseChoice::Expression(license)]));
    if let Some(checksum) = &known.checksum {
        let purl = Purl::new("cargo", name, version).map_err(|error| anyhow!("{name} {version}: {error}"))?;
        let content = HashValue(checksum.clone());
        component.purl = Some(purl);
        component.hashes = Some(Hashes(vec![Hash { alg: HashAlgorithm::SHA_256, content }]));
    }
    Ok(component)
}

fn reference(package: &Package, crates: &Crates) -> String {
    let Package { name, version } = package;
    let is_ours = crates.of(package).is_ok_and(|known| known.checksum.is_none());
    if is_ours { format!("{name}@{version}") } else { format!("registry+{name}@{version}") }
}
