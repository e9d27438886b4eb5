//! What may stand in a narrative and what may not.

use proptest::prelude::*;

use super::{ELEMENTS, PACKED, element, text};

#[test]
fn elements_are_known_in_any_case_and_by_their_whole_name() {
    assert!(ELEMENTS.is_sorted() && PACKED.is_sorted());
    for name in ELEMENTS {
        for known in [name.to_owned(), name.to_uppercase(), format!("h:{name}")] {
            assert_eq!(element(&known), None, "{known}");
        }
        for unknown in [
            format!("{name}\0"),
            format!("\0{name}"),
            format!("{name}é"),
            format!("{name:x<20}"),
            format!("{name}:"),
        ] {
            assert!(element(&unknown).is_some(), "{unknown:?}");
        }
    }
    assert!(element("").is_some());
}

#[test]
fn marked_up_text_is_plain() {
    for narrative in [
        "",
        "Seen in clinic.",
        "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Seen <b>twice</b>.<br/></p></div>",
        "<div><table class='grid'><tr><td colspan=\"2\" style=\"width: 5%; color:#222\">1</td></tr></table></div>",
        "<div><td colspan=2 nowrap>BP < 140 & stable, pulse > 60</td></div>",
        "<div><a href=\"https://www.nhs.uk/conditions\" name='x'>advice</a> <a href='#top'>up</a></div>",
        "<div><img src=\"data:image/png;base64,iVBORw0KGgo=\" alt='x'/><img src='#logo'/></div>",
        "<h:div xmlns:h='http://www.w3.org/1999/xhtml'><h:p>Seen.</h:p></h:div>",
        "<div><!-- drawn up by hand --><P>Upper case</P></div>",
        "<div>&lt;script&gt;alert(1)&lt;/script&gt; is what was typed</div>",
        "<div>a javascript: url in words, onclick=\"x\"</div>",
    ] {
        assert_eq!(text(narrative), None, "{narrative}");
    }
}

#[test]
fn what_runs_loads_or_posts_is_active() {
    for narrative in [
        "<div><script>alert(1)</script></div>",
        "<h:div xmlns:h='http://www.w3.org/1999/xhtml'><h:script>a()</h:script></h:div>",
        "<div><SCRIPT src=x></SCRIPT></div>",
        "<div><script/x>alert(1)</script></div>",
        "<div><style>p {}</style></div>",
        "<div><object data='a'/></div>",
        "<div><iframe src='https://a'/></div>",
        "<div><form action='https://a'><input name='b'/></form></div>",
        "<div><svg onload=alert(1)></div>",
        "<div><math><mi/></math></div>",
        "<div><p onclick=\"a()\">x</p></div>",
        "<div><p OnAnimationIteration=\"a()\">x</p></div>",
        "<div><p ONMOUSEOVER = 'a()'>x</p></div>",
        "<div><p/onclick='a()'>x</p></div>",
        "<div><p title='a>b' onclick='a()'>x</p></div>",
        "<div><a href=\"javascript:a()\">x</a></div>",
        "<div><a href=\" JaVa&#x09;Script&#58;a()\">x</a></div>",
        "<div><a href=\"java&Tab;script&colon;a()\">x</a></div>",
        "<div><a href='data:text/html,x'>x</a></div>",
        "<div><a xlink:href='javascript:a()'>x</a></div>",
        "<div><img src='https://tracker/x.png'/></div>",
        "<div><img src='x.png'/></div>",
        "<div><p src='data:image/png;base64,AA=='/></div>",
        "<div><td background='https://a'>x</td></div>",
        "<div><p style=\"background: URL(https://a)\">x</p></div>",
        "<div><p style=\"width: expression(alert(1))\">x</p></div>",
        "<div><p style=\"b: u\\72l(https://a)\">x</p></div>",
        "<div><!--><script>alert(1)</script>--></div>",
        "<div><!-- --!><script>alert(1)</script> --></div>",
        "<div><![CDATA[ ><script>alert(1)</script> ]]></div>",
        "<div><?php echo 1 ?></div>",
        "<!DOCTYPE html><div/>",
        "<div><p title='a",
        "<div><p",
        "<div><meta http-equiv='refresh' content='0;url=https://a'/></div>",
    ] {
        assert!(text(narrative).is_some(), "{narrative}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(pieces in prop::collection::vec(prop::sample::select(vec![
        "<", ">", "/", "=", "\"", "'", "!--", "-->", "script", "p", "on", "href", "&#x", "&#58;", ";",
        " ", "é", "\u{85}", "javascript:", "img", "src", "&", "![CDATA[", "]]>", "\n",
    ]), 0..40)) {
        let _ = text(&pieces.concat());
    }
}
